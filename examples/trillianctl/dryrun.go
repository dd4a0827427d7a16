package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/trillian-go/trillian"
)

// errDryRun says that a request was printed instead of sent.
var errDryRun = fmt.Errorf("a dry run: %w", trillian.ErrNotSent)

// printInstead is a middleware that prints what would change something instead of
// sending it. What only reads is sent: a dry run must resolve names to say what
// it would do. A middleware sees neither the token nor passwords.
func printInstead(w io.Writer) func(http.RoundTripper) http.RoundTripper {
	var mu sync.Mutex
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodGet || req.Method == http.MethodHead {
				return next.RoundTrip(req)
			}
			mu.Lock()
			defer mu.Unlock()
			if err := printRequest(w, req); err != nil {
				return nil, fmt.Errorf("%w: %w", trillian.ErrNotSent, err)
			}
			return nil, errDryRun
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func printRequest(w io.Writer, req *http.Request) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s %s\n", req.Method, req.URL.Redacted())
	if req.Body != nil {
		defer req.Body.Close()
		if err := printForm(out, bufio.NewReader(req.Body)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// longestShown is how much of a value is printed, in bytes as they are escaped.
const longestShown = 500

// printForm prints the parameters of a form without holding a file that is one of
// them.
func printForm(w io.Writer, form *bufio.Reader) error {
	var text strings.Builder // of the parameter, cut
	length := 0
	end := func() {
		name, value, _ := strings.Cut(text.String(), "=")
		if length > longestShown {
			fmt.Fprintf(w, "  %s=… (%d bytes)\n", unescaped(name), length-len(name)-1)
		} else if length > 0 {
			fmt.Fprintf(w, "  %s=%s\n", unescaped(name), visible(unescaped(value)))
		}
		text.Reset()
		length = 0
	}
	for {
		c, err := form.ReadByte()
		if err == io.EOF {
			end()
			return nil
		}
		if err != nil {
			return err
		}
		if c == '&' {
			end()
			continue
		}
		if length++; length <= longestShown {
			text.WriteByte(c)
		}
	}
}

func unescaped(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
