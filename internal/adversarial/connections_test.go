package adversarial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// TestStaleConnections has the server close each connection when it has
// answered, without saying so, while the client reuses it: what failed without a
// word of doubt was not carried out, and nothing was carried out twice.
func TestStaleConnections(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	done := map[string]int{}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.FormValue("message")
		mu.Lock()
		done[text]++
		mu.Unlock()
		w.Header().Set("Content-Length", "80")
		_, _ = io.WriteString(w, `<response><message timestamp="1" from="a@x">`+strings.Repeat("x", 15)+"</message></response>")
	}), IdleTimeout: time.Nanosecond}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client := newClient(t, "http://"+listener.Addr().String(), trillian.WithRetryPolicy(trillian.RetryPolicy{MinWait: time.Microsecond, MaxWait: time.Microsecond}))
	unknown := 0
	for i := range 300 {
		text := number(uint32(i))
		_, err := client.Users.Messages.Send(t.Context(), smw, trillian.MessageSend{From: kwk, Text: "m" + text})
		mu.Lock()
		times := done["m"+text]
		mu.Unlock()
		require.LessOrEqual(t, times, 1)
		switch {
		case err == nil:
			require.Equal(t, 1, times)
		case errors.Is(err, trillian.ErrOutcomeUnknown):
			unknown++
		default:
			require.Zero(t, times, "%v", err)
		}
	}
	t.Logf("of 300 POSTs on connections that were being closed %d have an unknown outcome", unknown)
}

// forgettable is a connection that something on the way may forget without a word, as
// NAT and load balancers do to one that is idle: the next packet is reset.
type forgettable struct {
	net.Conn
	forgotten atomic.Bool
}

func (c *forgettable) Write(p []byte) (int, error) {
	if c.forgotten.Load() {
		_ = c.Conn.Close()
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *forgettable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.forgotten.Load() {
		err = syscall.ECONNRESET
	}
	return n, err
}

// TestForgottenConnections has more connections be forgotten than a request is repeated
// on: net/http finds a fresh one by itself.
func TestForgottenConnections(t *testing.T) {
	t.Parallel()
	const kept = 40
	var together sync.WaitGroup
	together.Add(kept)
	base := serving(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/together/") {
			together.Done()
			together.Wait()
		}
	})(t)
	var mu sync.Mutex
	var conns []*forgettable
	inner := &http.Transport{MaxIdleConnsPerHost: kept, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, &forgettable{Conn: conn})
		return conns[len(conns)-1], nil
	}}
	t.Cleanup(inner.CloseIdleConnections)
	client := newClient(t, base, once, trillian.WithHTTPClient(&http.Client{Transport: inner}))
	var calls sync.WaitGroup
	for range kept {
		calls.Go(func() { _ = client.Do(t.Context(), http.MethodGet, "together/", nil, nil) })
	}
	calls.Wait()
	require.Len(t, conns, kept)
	for _, conn := range conns {
		conn.forgotten.Store(true)
	}
	require.NoError(t, client.Do(t.Context(), http.MethodGet, "users/", nil, nil))
	require.Len(t, conns, kept+1)
}
