package transport

import (
	"context"
	"net"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRepeats are on fresh connections, on those that other calls had before, which a
// proxy ends after a number of requests, and on the same one.
func TestRepeats(t *testing.T) {
	t.Parallel()
	fresh := func() httptrace.GotConnInfo { return httptrace.GotConnInfo{Conn: &net.TCPConn{}} }
	had := func() httptrace.GotConnInfo { return httptrace.GotConnInfo{Conn: &net.TCPConn{}, Reused: true} }
	same := fresh()
	for name, c := range map[string]struct {
		conns   []httptrace.GotConnInfo
		refused bool
	}{
		"fresh":                 {[]httptrace.GotConnInfo{fresh(), fresh(), fresh(), fresh()}, false},
		"fresh, without end":    {[]httptrace.GotConnInfo{fresh(), fresh(), fresh(), fresh(), fresh()}, true},
		"shared":                {[]httptrace.GotConnInfo{had(), had(), had(), had(), had(), had(), had(), fresh()}, false},
		"shared, without end":   {[]httptrace.GotConnInfo{had(), had(), fresh(), had(), fresh(), fresh(), fresh()}, true},
		"the same, shared ones": {[]httptrace.GotConnInfo{had(), same, same}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w watch
			trace := httptrace.ContextClientTrace(w.boundRepeats(t.Context()))
			ctx := w.start(t.Context(), 0)
			for i, info := range c.conns {
				require.NoError(t, context.Cause(ctx), "%d", i)
				trace.GotConn(info)
			}
			if c.refused {
				require.Equal(t, errRefused, context.Cause(ctx))
			} else {
				require.NoError(t, context.Cause(ctx))
			}
			w.stop()
		})
	}
}
