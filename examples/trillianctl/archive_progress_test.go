package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/archive"
)

func TestMeterLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := newMeter(&out, false)
		m.show(archive.Progress{Step: archive.Lists, Done: 1, Total: 2})
		m.show(archive.Progress{Step: archive.Lists, Done: 2, Total: 2})
		m.show(archive.Progress{Step: archive.Messages, Done: 100, Total: 1000})
		require.Equal(t, "lists: 2 of 2\n", out.String(), "not a line for each")
		time.Sleep(10 * time.Second)
		m.show(archive.Progress{Step: archive.Messages, Done: 250, Total: 1000})
		m.stop()
		require.Equal(t, "lists: 2 of 2\nmessages: 250 of 1000, 25/s, 30s left\nmessages: 250 of 1000, 25/s, 30s left\n", out.String())
	})
}

// However an archive ends, its bars do.
func TestMeterBarsEnd(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]archive.Progress{
		"nothing":  nil,
		"whole":    {{Step: archive.Lists, Done: 2, Total: 2}, {Step: archive.Messages, Done: 1, Total: 3}, {Step: archive.Messages, Done: 3, Total: 3}},
		"broken":   {{Step: archive.Lists, Done: 2, Total: 2}, {Step: archive.Messages, Done: 1, Total: 3}},
		"skipped":  {{Step: archive.Lists, Done: 1, Total: 2}, {Step: archive.Files, Done: 3, Total: 3}},
		"no bytes": {{Step: archive.Files, Done: 0, Total: 0}},
		"grows":    {{Step: archive.Messages, Done: 3, Total: 3}, {Step: archive.Messages, Done: 4, Total: 5}, {Step: archive.Messages, Done: 5, Total: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				m := newMeter(&bytes.Buffer{}, true)
				for _, p := range all {
					m.show(p)
				}
				m.stop()
			}()
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				t.Fatal("it hangs")
			}
		})
	}
}
