package trillian

import (
	"encoding/base64"
	"errors"
	"iter"
	"net/url"
	"strings"
	"unicode"
)

// PolicyData is the text of a policy: a line an item, each a key, a space and a
// value ("trillian.history.cloud 1"). What is not edited stays byte for byte as
// the server sent it, order and unknown lines included.
//
// On the wire, and in JSON, it is Base64.
type PolicyData string

// UnmarshalText reads Base64, with white space anywhere and with or without
// padding.
func (d *PolicyData) UnmarshalText(text []byte) error {
	packed := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(text))
	encoding := base64.StdEncoding
	if len(packed)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	plain, err := encoding.DecodeString(packed)
	if err != nil {
		return errors.New("not Base64")
	}
	*d = PolicyData(plain)
	return nil
}

// MarshalText writes Base64, the inverse of UnmarshalText.
func (d PolicyData) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, []byte(d)), nil
}

// EncodeValues writes Base64, which is what the server reads.
func (d PolicyData) EncodeValues(key string, v *url.Values) error {
	v.Set(key, base64.StdEncoding.EncodeToString([]byte(d)))
	return nil
}

// Get returns the value of the first item with the key, and whether there is one.
func (d PolicyData) Get(key string) (value string, ok bool) {
	for k, v := range d.Items() {
		if k == key {
			return v, true
		}
	}
	return "", false
}

// Items yields the key and value of every item, in the data's own order. Blank
// lines are passed over; an item without a value has an empty one.
func (d PolicyData) Items() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(string(d)) {
			if key, value, ok := splitItem(line); ok && !yield(key, value) {
				return
			}
		}
	}
}

// With returns the data with the item set to value: in its place where it
// stands already, at the end otherwise. Further items with the same key go.
//
// A key with white space in it, an empty key, or a value of several lines cannot
// be written as an item; the result is data that Create and Update refuse with
// an [ArgumentError].
func (d PolicyData) With(key, value string) PolicyData {
	item := orInvalid(key, true) + " " + orInvalid(value, false)
	var b strings.Builder
	placed := false
	for line := range strings.Lines(string(d)) {
		k, _, ok := splitItem(line)
		switch {
		case !ok || k != key:
			b.WriteString(line)
		case !placed:
			placed = true
			b.WriteString(item + line[len(strings.TrimRight(line, "\r\n")):])
		}
	}
	if !placed {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(item + "\n")
	}
	return PolicyData(b.String())
}

// Without returns the data without the items that have the key.
func (d PolicyData) Without(key string) PolicyData {
	var b strings.Builder
	for line := range strings.Lines(string(d)) {
		if k, _, ok := splitItem(line); !ok || k != key {
			b.WriteString(line)
		}
	}
	return PolicyData(b.String())
}

// check refuses what With could not write.
func (d PolicyData) check() error {
	if strings.ContainsRune(string(d), 0) {
		return &ArgumentError{Name: "data", Reason: "has a NUL character: a key must be one word, a value one line"}
	}
	return nil
}

func splitItem(line string) (key, value string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	key, value, _ = strings.Cut(line, " ")
	return key, value, key != ""
}

// orInvalid is s, or NUL where s would change the meaning of its line.
func orInvalid(s string, word bool) string {
	if strings.ContainsAny(s, "\r\n") || word && (s == "" || strings.ContainsFunc(s, unicode.IsSpace)) {
		return "\x00"
	}
	return s
}
