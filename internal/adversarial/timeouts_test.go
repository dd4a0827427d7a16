package adversarial

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// timeout is how long the servers of these tests may say nothing. It passes in a
// synctest bubble's own time, which needs no real second of it.
const timeout = 30 * time.Second

// line is a server's end of a connection.
type line struct {
	net.Conn
	request *http.Request
}

func (l line) says(text string) { _, _ = io.WriteString(l, text) }

// drips says a text in so many pieces, with a pause before each, until the
// client hangs up.
func (l line) drips(text string, pieces int, pause time.Duration) {
	for i := range pieces {
		time.Sleep(pause)
		if _, err := io.WriteString(l, text[i*len(text)/pieces:(i+1)*len(text)/pieces]); err != nil {
			return
		}
	}
}

// hangs says nothing until the client hangs up.
func (l line) hangs() { _, _ = io.Copy(io.Discard, l) }

// bubbleClient is connected to the servers of its bubble: the first connection
// to the first, and so on; the last has all that follow.
func bubbleClient(t *testing.T, attempts int, servers ...func(line)) *trillian.Client {
	var dials atomic.Int32
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		serve := servers[min(int(dials.Add(1)), len(servers))-1]
		if serve == nil { // nobody there to answer or to refuse
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
		}
		client, server := net.Pipe()
		t.Cleanup(func() { _ = server.Close() }) // for a test that fails
		go func() {
			defer server.Close()
			if request, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
				serve(line{server, request})
			}
		}()
		return client, nil
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return newClient(t, "https://im.test", trillian.WithBaseURL("http://127.0.0.1/v1/"),
		trillian.WithHTTPClient(&http.Client{Transport: transport}), trillian.WithTimeout(timeout),
		trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: attempts, MinWait: 1, MaxWait: 1}))
}

const list = `<response><user name="a"/><user name="b"/><user name="c"/></response>`

// header announces a body of n bytes.
func header(status, n int) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n", status, http.StatusText(status), n)
}

func do(verb string) func(context.Context, *trillian.Client) error {
	return func(ctx context.Context, c *trillian.Client) error { return c.Do(ctx, verb, "groups/1/", nil, nil) }
}

func listUsers(ctx context.Context, c *trillian.Client) error {
	users, err := c.Users.List(ctx)
	if err == nil && len(users) != 3 {
		return fmt.Errorf("%d users", len(users))
	}
	return err
}

func downloads100(ctx context.Context, c *trillian.Client) error {
	var b bytes.Buffer
	_, err := c.Users.Media.Download(ctx, smw, item, &b)
	if err == nil && b.Len() != 100 {
		return fmt.Errorf("%d bytes", b.Len())
	}
	return err
}

// slowly reads as its reader does, an hour later.
type slowly struct{ io.Reader }

func (s slowly) Read(p []byte) (int, error) { time.Sleep(time.Hour); return s.Reader.Read(p) }

type slowlySeekable struct{ io.ReadSeeker }

func (s slowlySeekable) Read(p []byte) (int, error) {
	time.Sleep(time.Hour)
	return s.ReadSeeker.Read(p)
}

func uploads(data func() io.Reader) func(context.Context, *trillian.Client) error {
	return func(ctx context.Context, c *trillian.Client) error {
		_, err := c.Users.Media.Upload(ctx, smw, trillian.MediaUpload{Name: "f", Data: data()})
		return err
	}
}

// silence is a way not to answer, or to seem not to.
type silence struct {
	name    string
	call    func(context.Context, *trillian.Client) error
	servers []func(line)
	tries   int           // attempts; 1 where it is not set
	takes   time.Duration // at most
	least   time.Duration // and at least
	status  int           // of the error
	maybe   bool          // the error is an ErrOutcomeUnknown
	well    bool          // no error at all: the server lives
}

func silences() []silence {
	hundred := strings.Repeat("x", 100)
	big := strings.Repeat("x", 500_000)
	accepts := func(l line) {
		_, _ = io.Copy(io.Discard, l.request.Body)
		l.says(header(201, 11) + "<response/>")
	}
	silent := func(l line) { l.hangs() }
	return []silence{
		{name: "no headers to a GET", call: do("GET"), servers: []func(line){silent}, takes: timeout, least: timeout},
		{name: "no headers to a POST", call: do("POST"), servers: []func(line){silent}, takes: timeout, least: timeout, maybe: true},
		{name: "no connection", call: do("POST"), servers: []func(line){nil}, takes: timeout, least: timeout},
		{name: "no connection, three times", call: do("POST"), servers: []func(line){nil}, tries: 3, takes: 3*timeout + time.Second, least: 3 * timeout},
		{name: "no headers to a GET, three times", call: do("GET"), servers: []func(line){silent}, tries: 3, takes: 3*timeout + time.Second, least: 3 * timeout},
		{name: "half of the headers", call: do("GET"), servers: []func(line){func(l line) { l.says("HTTP/1.1 200 OK\r\nContent-"); l.hangs() }}, takes: timeout},
		{name: "headers that never end", call: do("GET"), takes: timeout, servers: []func(line){func(l line) {
			l.says("HTTP/1.1 200 OK\r\n")
			l.drips(strings.Repeat("X: y\r\n", 1000), 1000, timeout/2)
		}}},
		{name: "early hints and no headers", call: do("GET"), takes: timeout, servers: []func(line){func(l line) {
			l.drips(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100), 100, timeout/2)
		}}},
		{name: "no body", call: listUsers, servers: []func(line){func(l line) { l.says(header(200, len(list))); l.hangs() }}, takes: timeout},
		{name: "half of the body", call: listUsers, servers: []func(line){func(l line) { l.says(header(200, len(list)) + list[:30]); l.hangs() }}, takes: timeout},
		{name: "late headers and half of the body", call: listUsers, takes: 2 * timeout, servers: []func(line){func(l line) {
			time.Sleep(timeout - 1)
			l.says(header(200, len(list)) + list[:30])
			l.hangs()
		}}},
		{name: "a body without its last chunk", call: listUsers, takes: timeout, servers: []func(line){func(l line) {
			l.says(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(list), list))
			l.hangs()
		}}},
		{name: "half of a POST's body", call: do("POST"), servers: []func(line){func(l line) { l.says(header(200, 11) + "<resp"); l.hangs() }}, takes: timeout, maybe: true},
		{name: "half of a download", call: downloads100, servers: []func(line){func(l line) { l.says(header(200, 100) + hundred[:50]); l.hangs() }}, takes: timeout},
		{name: "a download that gets slower and then too slow", call: downloads100, takes: 4 * timeout, least: 3 * timeout, servers: []func(line){func(l line) {
			l.says(header(200, 100))
			l.drips(hundred[:30], 30, timeout/10)
			l.hangs()
		}}},
		{name: "no body of an error", call: do("GET"), servers: []func(line){func(l line) { l.says(header(400, 100)); l.hangs() }}, takes: timeout, status: 400},
		{name: "half of the body of an error", call: do("DELETE"), servers: []func(line){func(l line) { l.says(header(404, 100) + "not"); l.hangs() }}, takes: timeout, status: 404},
		{name: "half of the body of an error to a POST", call: do("POST"), servers: []func(line){func(l line) { l.says(header(500, 100) + "no"); l.hangs() }}, takes: timeout, status: 500, maybe: true},
		{name: "an error that drips for ever", call: do("GET"), takes: 2 * timeout, status: 500, servers: []func(line){func(l line) {
			time.Sleep(timeout - 1)
			l.says("HTTP/1.1 500 Internal Server Error\r\n\r\n")
			l.drips(strings.Repeat("x", 1000), 1000, timeout/10)
		}}},
		{name: "an unavailable server that drips, twice", call: do("GET"), tries: 2, takes: 2*timeout + time.Second, status: 503, servers: []func(line){func(l line) {
			l.says("HTTP/1.1 503 Service Unavailable\r\n\r\n")
			l.drips(strings.Repeat("x", 1000), 1000, timeout/10)
		}}},
		{name: "a redirect without its body", call: do("GET"), servers: []func(line){func(l line) {
			l.says("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\n")
			l.hangs()
		}}, takes: timeout, status: 302},
		{name: "nobody reads an upload", call: uploads(func() io.Reader { return strings.NewReader(big) }), servers: []func(line){func(l line) { time.Sleep(10 * timeout) }}, takes: timeout},
		{name: "nobody reads a stream", call: uploads(func() io.Reader { return io.MultiReader(strings.NewReader(big)) }), servers: []func(line){func(l line) { time.Sleep(10 * timeout) }}, takes: timeout},
		{name: "nobody answers an upload", call: uploads(func() io.Reader { return strings.NewReader(big) }), servers: []func(line){func(l line) { _, _ = io.Copy(io.Discard, l.request.Body); l.hangs() }}, takes: timeout, maybe: true},

		{name: "headers just in time", call: do("GET"), servers: []func(line){func(l line) { time.Sleep(timeout - 1); l.says(header(200, 11) + "<response/>") }}, takes: timeout, well: true},
		{name: "silent, and then well", call: listUsers, servers: []func(line){silent, func(l line) { l.says(header(200, len(list)) + list) }}, tries: 2, takes: timeout + time.Second, least: timeout, well: true},
		{name: "a body broken off by silence, and then well", call: listUsers, tries: 2, takes: timeout + time.Second, least: timeout, well: true, servers: []func(line){
			func(l line) { l.says(header(200, len(list)) + list[:40]); l.hangs() }, func(l line) { l.says(header(200, len(list)) + list) },
		}},
		{name: "a slow list", call: listUsers, takes: time.Hour, least: 25 * timeout, well: true, servers: []func(line){func(l line) {
			l.says(header(200, len(list)))
			l.drips(list, 30, timeout-1)
		}}},
		{name: "a slow download", call: downloads100, takes: 100 * timeout, least: 90 * timeout, well: true, servers: []func(line){func(l line) {
			l.says(header(200, 100))
			l.drips(hundred, 100, timeout-1)
		}}},
		{name: "a whole body on a connection that stays open", call: listUsers, well: true, servers: []func(line){func(l line) { l.says(header(200, len(list)) + list); l.hangs() }}},
		{name: "a slow file", call: uploads(func() io.Reader { return slowly{strings.NewReader(big)} }), servers: []func(line){accepts}, takes: 1000 * time.Hour, least: 10 * time.Hour, well: true},
		{name: "a slow file that can seek", call: uploads(func() io.Reader { return slowlySeekable{strings.NewReader(big)} }), servers: []func(line){accepts}, takes: 1000 * time.Hour, least: 10 * time.Hour, well: true},
		{name: "a file that is read slowly", call: uploads(func() io.Reader { return strings.NewReader(big) }), takes: 1000 * time.Hour, least: 8 * timeout, well: true, servers: []func(line){func(l line) {
			for {
				time.Sleep(timeout / 10)
				if _, err := io.ReadFull(l.request.Body, make([]byte, 8<<10)); err != nil {
					l.says(header(201, 11) + "<response/>")
					return
				}
			}
		}}},
		{name: "a slow reader of a list", takes: 10 * time.Hour, least: 3 * time.Hour, well: true, servers: []func(line){func(l line) {
			l.says(header(200, len(list)))
			l.drips(list, len(list), time.Millisecond)
		}}, call: func(ctx context.Context, c *trillian.Client) error {
			n := 0
			for _, err := range c.Users.All(ctx) {
				if err != nil {
					return err
				}
				n++
				time.Sleep(time.Hour)
			}
			return onlyIf(n == 3)
		}},
		{name: "a slow writer of a download", takes: 1000 * time.Hour, least: 3 * time.Hour, well: true,
			servers: []func(line){func(l line) { l.says(header(200, 500_000)); l.drips(big, 50, time.Second) }},
			call: func(ctx context.Context, c *trillian.Client) error {
				_, err := c.Users.Media.Download(ctx, smw, item, writerFunc(func(p []byte) (int, error) { time.Sleep(time.Hour); return len(p), nil }))
				return err
			}},
		{name: "a slow reader of a history", takes: 100 * time.Hour, least: 9 * time.Hour, well: true, servers: []func(line){func(l line) {
			body := `<response><messages><message>a</message><message>b</message><message>c</message></messages></response>`
			if strings.HasSuffix(l.request.URL.Path, "/messages/") {
				body = `<response><messages conversation="x"><week year="2020" week="1"/><week year="2020" week="2"/><week year="2020" week="3"/></messages></response>`
			}
			l.says(header(200, len(body)))
			l.drips(body, len(body), time.Millisecond)
		}}, call: func(ctx context.Context, c *trillian.Client) error {
			n := 0
			for _, err := range c.Users.Messages.History(ctx, smw, &trillian.HistoryOptions{Concurrency: 2}) {
				if err != nil {
					return err
				}
				n++
				time.Sleep(time.Hour)
			}
			return onlyIf(n == 9)
		}},
	}
}

func onlyIf(ok bool) error {
	if !ok {
		return errors.New("not all of it came")
	}
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, s := range silences() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				t.Cleanup(func() { time.Sleep(time.Hour) }) // the servers find out that all is over
				client := bubbleClient(t, max(s.tries, 1), s.servers...)
				err := s.call(t.Context(), client)
				took := time.Since(bubbleStart)
				require.LessOrEqual(t, took, s.takes, "%v", err)
				require.GreaterOrEqual(t, took, s.least, "%v", err)
				s.check(t, err)
			})
		})
	}
}

func (s silence) check(t *testing.T, err error) {
	t.Helper()
	if s.well {
		require.NoError(t, err)
		return
	}
	require.Error(t, err)
	require.Equal(t, s.maybe, errors.Is(err, trillian.ErrOutcomeUnknown), "%v", err)
	failure, answered := errors.AsType[*trillian.Error](err)
	redirect, redirected := errors.AsType[*trillian.RedirectError](err)
	switch {
	case redirected:
		require.Equal(t, s.status, redirect.StatusCode)
	case s.status != 0:
		require.True(t, answered, "%v", err)
		require.Equal(t, s.status, failure.StatusCode, "what the server has said is not lost in its silence")
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	default:
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorContains(t, err, "sent nothing for 30s")
		slow, ok := errors.AsType[net.Error](err)
		require.True(t, ok, "%v", err)
		require.True(t, slow.Timeout())
	}
}

func TestWithoutATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				_, _ = http.ReadRequest(bufio.NewReader(server))
				l := line{Conn: server}
				time.Sleep(1000 * time.Hour)
				l.says(header(200, len(list)))
				l.drips(list, 2, 1000*time.Hour)
			}()
			return client, nil
		}}
		client := newClient(t, "http://127.0.0.1", trillian.WithHTTPClient(&http.Client{Transport: transport}), trillian.WithTimeout(0))
		require.NoError(t, listUsers(t.Context(), client))
		require.Equal(t, 3000*time.Hour, time.Since(bubbleStart))
	})
}
