package main

import (
	"bytes"
	"io"

	"github.com/trillian-go/trillian/internal/xmlwire"
)

// messagePath leads from the root of a week's answer to its messages.
const messagePath = "messages>message"

// collect is what a List does with an answer of so many bytes, -1 if unknown.
func collect[T any](r io.Reader, path string, size int64) ([]T, error) {
	return xmlwire.Collect[T](r, path, size)
}

func streamed[T any](path string) decoder[T] {
	return func(document []byte, yield func(T)) error {
		for item, err := range xmlwire.Items[T](bytes.NewReader(document), path) {
			if err != nil {
				return err
			}
			yield(item)
		}
		return nil
	}
}

// collected decodes an answer whose length is known.
func collected[T any](path string) decoder[T] {
	return func(document []byte, yield func(T)) error {
		items, err := collect[T](bytes.NewReader(document), path, int64(len(document)))
		each(items, yield)
		return err
	}
}

func unsized[T any](path string) decoder[T] {
	return func(document []byte, yield func(T)) error {
		items, err := collect[T](bytes.NewReader(document), path, -1)
		each(items, yield)
		return err
	}
}

func each[T any](items []T, yield func(T)) {
	for _, item := range items {
		yield(item)
	}
}

// sweep is the least that any decoder does: it finds the markup and copies out
// the texts between.
func sweep(document []byte, keep func(text string)) {
	for {
		i := bytes.IndexByte(document, '<')
		if i < 0 {
			return
		}
		if i > 1 {
			keep(string(document[:i]))
		}
		end := bytes.IndexByte(document[i:], '>')
		if end < 0 {
			return
		}
		document = document[i+end+1:]
	}
}
