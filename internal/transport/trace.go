package transport

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
)

// traced is a context whose hooks of package httptrace, a caller's or a
// middleware's, are told no secrets: HTTP/2 shows them the path as a header.
type traced struct {
	context.Context
	scrub Scrubber
}

func withoutSecrets(ctx context.Context, scrub Scrubber) context.Context {
	t := httptrace.ContextClientTrace(ctx)
	if t == nil || t.WroteHeaderField == nil && t.Got1xxResponse == nil {
		return ctx
	}
	return traced{ctx, scrub}
}

// Value replaces the trace wherever net/http looks for it; its key is not exported.
func (c traced) Value(key any) any {
	value := c.Context.Value(key)
	trace, ok := value.(*httptrace.ClientTrace)
	if !ok {
		return value
	}
	clean := *trace
	if wrote := trace.WroteHeaderField; wrote != nil {
		clean.WroteHeaderField = func(name string, values []string) {
			values = slices.Clone(values)
			for i, v := range values {
				values[i] = c.scrub(v)
			}
			wrote(name, values)
		}
	}
	if got := trace.Got1xxResponse; got != nil {
		clean.Got1xxResponse = func(code int, header textproto.MIMEHeader) error {
			copied := http.Header(header).Clone()
			c.scrub.header(copied)
			return got(code, textproto.MIMEHeader(copied))
		}
	}
	return &clean
}
