package transport

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestJitterIsFull draws waits for every attempt: none leaves its bounds, and
// they lie evenly in between.
func TestJitterIsFull(t *testing.T) {
	t.Parallel()
	const draws = 4000
	p := &Policy{MinWait: 500 * time.Millisecond, MaxWait: 10 * time.Second}
	for attempt, bound := range []time.Duration{500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000} {
		bound *= time.Millisecond
		var waits []time.Duration
		var sum time.Duration
		for range draws {
			wait := p.jitter(attempt)
			waits = append(waits, wait)
			sum += wait
		}
		require.GreaterOrEqual(t, slices.Min(waits), time.Duration(0))
		require.LessOrEqual(t, slices.Max(waits), bound)
		// Each of these is out of reach of chance: five standard deviations at least.
		require.Less(t, slices.Min(waits), bound/20, "attempt %d", attempt)
		require.Greater(t, slices.Max(waits), bound-bound/20, "attempt %d", attempt)
		require.InDelta(t, float64(bound)/2, float64(sum)/draws, float64(bound)/20, "attempt %d", attempt)
	}
}

func TestJitterAtTheEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		min, max time.Duration
		attempt  int
		bound    time.Duration
	}{
		{"nothing", 0, 0, 0, 0},
		{"nothing to begin with", 0, time.Second, 5, 0},
		{"nothing at most", time.Second, 0, 0, 0},
		{"a nanosecond", 1, 1, 0, 1},
		{"the least above the most", time.Minute, time.Second, 0, time.Second},
		{"many attempts", time.Second, time.Minute, 10_000, time.Minute},
		{"31 doublings", 1, math.MaxInt64, 31, 1 << 31},
		{"a shift of 63", 1, time.Minute, 63, time.Minute},
		{"a shift of 64", 1, time.Minute, 64, time.Minute},
		{"the longest of all", math.MaxInt64, math.MaxInt64, 0, math.MaxInt64},
		{"the longest of all, later", time.Second, math.MaxInt64, 62, math.MaxInt64},
		{"below nothing", -time.Second, -time.Second, 0, 0},
	} {
		p := &Policy{MinWait: c.min, MaxWait: c.max}
		for range 100 {
			wait := p.jitter(c.attempt)
			require.GreaterOrEqual(t, wait, time.Duration(0), c.name)
			require.LessOrEqual(t, wait, c.bound, c.name)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 21, 7, 27, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"0": 0, "1": time.Second, "0120": 2 * time.Minute, "9223372036": 9223372036 * time.Second,
		"9223372037": math.MaxInt64, "9223372036854775807": math.MaxInt64, "18446744073709551615": math.MaxInt64,
		"18446744073709551616": math.MaxInt64, "100000000000000000000000": math.MaxInt64,
		"Wed, 21 Oct 2026 07:28:00 GMT": time.Minute, "Wednesday, 21-Oct-26 07:28:00 GMT": time.Minute, "Wed Oct 21 07:28:00 2026": time.Minute,
		"Wed, 21 Oct 2026 07:27:00 GMT": 0, "Wed, 21 Oct 2020 07:28:00 GMT": 0, "Fri, 31 Dec 9999 23:59:59 GMT": math.MaxInt64,
	} {
		require.Equal(t, want, parseRetryAfter(text, now), text)
	}
	for _, text := range []string{
		"", "-1", "+1", "1.5", "1e30", "0x10", "1_0", "1 s", "1,2", "soon", "NaN", "∞", "٣", "\x00", "2026-10-21T07:28:00Z", "Wed, 21 Oct 2026 07:28:00 CET", "Wed, 32 Oct 2026 07:28:00 GMT",
	} {
		require.Zero(t, parseRetryAfter(text, now), text)
	}
}

func TestRetryAfterOfAnAnswer(t *testing.T) {
	t.Parallel()
	after := func(values ...string) time.Duration {
		return RetryAfter(&http.Response{Header: http.Header{"Retry-After": values}})
	}
	require.Zero(t, after())
	require.Zero(t, after("  "))
	require.Equal(t, 7*time.Second, after(" 7 ", "9"), "the first counts")
}

func TestBudget(t *testing.T) {
	t.Parallel()
	b := &Budget{}
	for range 10 {
		b.giveBack()
	}
	for range budgetSize / retryCost {
		require.True(t, b.take())
	}
	require.False(t, b.take(), "what was never spent cannot be given back in advance")
	for range retryCost - 1 {
		b.giveBack()
		require.False(t, b.take())
	}
	b.giveBack()
	require.True(t, b.take())
	require.False(t, b.take())
}

func TestBudgetIsExactUnderContention(t *testing.T) {
	t.Parallel()
	b := &Budget{}
	var mu sync.Mutex
	taken := 0
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			mine := 0
			for range 100 {
				if b.take() {
					mine++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			taken += mine
		})
	}
	all.Wait()
	require.Equal(t, budgetSize/retryCost, taken)
	for range 16 {
		all.Go(func() {
			for range budgetSize {
				b.giveBack()
			}
		})
	}
	all.Wait()
	require.Zero(t, b.spent.Load())
}

func newTestCall(method string) *Call {
	return &Call{Context: context.Background(), Method: method, Policy: &Policy{MaxAttempts: 3, MaxRetryAfter: time.Minute}, Budget: &Budget{}}
}

// TestConnectionDecides tells what was never sent from what may have been
// carried out by how far the transport got.
func TestConnectionDecides(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	asked := func(trace *httptrace.ClientTrace) { trace.GetConn("im.test:443") }
	given := func(trace *httptrace.ClientTrace) { trace.GotConn(httptrace.GotConnInfo{}) }
	got := func(trace *httptrace.ClientTrace) { asked(trace); given(trace) }
	unwritten := &net.OpError{Op: "write", Err: errors.New("broken pipe")}
	for _, c := range []struct {
		name     string
		progress func(*httptrace.ClientTrace)
		err      error
		again    bool
	}{
		{"asked for a connection", asked, lost, true},
		{"asked for a connection, and dialled", asked, refused, true},
		{"got a connection", got, lost, false},
		{"got a connection, and dialled another", got, refused, false},
		{"got a connection, and could not write", got, unwritten, true},
		{"was given one that another call had dialled", given, lost, false}, // net/http asks for none then
		{"was given one, and could not write", given, unwritten, true},
		{"reported nothing", nil, lost, false},
		{"reported nothing, and dialled", nil, refused, true},
	} {
		call := newTestCall(http.MethodPost)
		call.begin(context.Background()) // an attempt before must not decide for this one
		trace := httptrace.ContextClientTrace(call.begin(context.Background()))
		require.NotNil(t, trace)
		if c.progress != nil {
			c.progress(trace)
		}
		require.Equal(t, c.again, call.judgeError(c.err), c.name)
		require.Equal(t, !c.again, call.Uncertain(), c.name)
	}
}

func TestOutcomeOfAnEarlierAttemptIsForgotten(t *testing.T) {
	t.Parallel()
	call := newTestCall(http.MethodDelete)
	trace := httptrace.ContextClientTrace(call.begin(context.Background()))
	trace.GetConn("im.test:443")
	trace.GotConn(httptrace.GotConnInfo{})
	trace = httptrace.ContextClientTrace(call.begin(context.Background()))
	trace.GetConn("im.test:443")
	require.True(t, call.judgeError(io.EOF))
	require.False(t, call.Uncertain(), "the second attempt had no connection")
}

// TestCallsThatMadeNoRequest stay within their attempts too.
func TestCallsThatMadeNoRequest(t *testing.T) {
	t.Parallel()
	call := newTestCall(http.MethodGet)
	rounds := 0
	for {
		rounds++
		call.attempt.Add(1)
		if again, err := checkRetry(call, nil, io.ErrUnexpectedEOF); !again {
			require.NoError(t, err)
			break
		}
	}
	require.Equal(t, 3, rounds)
	require.Zero(t, call.Requests())
	require.False(t, call.Repeat(io.ErrUnexpectedEOF))
}

// TestTheLongestRetryAfter is waited for where the policy allows it: with jitter on
// top it must not become a wait of less than nothing.
func TestTheLongestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		call := newTestCall(http.MethodGet)
		call.Context = ctx
		call.Policy.MinWait, call.Policy.MaxWait = time.Hour, time.Hour
		time.AfterFunc(time.Minute, cancel)
		begin := time.Now()
		require.False(t, call.again(io.EOF, math.MaxInt64))
		require.True(t, call.Interrupted)
		require.Equal(t, time.Minute, time.Since(begin))
	})
}

// TestUnseen takes net/http's own words for proof, and none that quote the server's.
func TestUnseen(t *testing.T) {
	t.Parallel()
	const goAway = "http2: Transport received Server's graceful shutdown GOAWAY"
	for text, unseen := range map[string]bool{
		goAway: true,
		"http2: Transport: cannot retry err [" + goAway + "] after Request.Body was written; define Request.GetBody to avoid this error": true,
		"my middleware: http: server closed idle connection":                                                                             true,
		"net/http: cannot rewind body after connection loss":                                                                             true,
		`malformed HTTP response "` + goAway + `"`:                                                                                       false,
		`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug="` + goAway + `"`:                  false,
		`malformed HTTP response "http: server closed idle connection"`:                                                                  false,
	} {
		require.Equal(t, unseen, isUnseen(errors.New(text)), text)
	}
}

// TestHopelessInQuotes is a server whose garbage is quoted by net/http: what it was
// sent, it may have carried out.
func TestHopelessInQuotes(t *testing.T) {
	t.Parallel()
	call := newTestCall(http.MethodPost)
	require.True(t, call.isHopeless(errors.New(`unsupported protocol scheme "ftp"`)))
	require.False(t, call.isHopeless(errors.New(`malformed HTTP response "unsupported protocol scheme"`)))
}

type fakeSource struct {
	err   error
	spent bool
	whole bool
}

func (f fakeSource) Err() error    { return f.err }
func (f fakeSource) Spent() bool   { return f.spent }
func (f fakeSource) MayHang() bool { return false }
func (f fakeSource) Whole() bool   { return f.whole }

func TestSourceDecides(t *testing.T) {
	t.Parallel()
	status := func(code int) *http.Response { return &http.Response{StatusCode: code, Header: http.Header{}} }
	whole := fakeSource{whole: true}
	for _, c := range []struct {
		source    Source
		resp      *http.Response
		err       error
		again     bool
		uncertain bool
	}{
		{source: whole, resp: status(429), again: true},
		{source: fakeSource{whole: true, spent: true}, resp: status(429)},
		{source: fakeSource{err: io.ErrClosedPipe}, err: &net.OpError{Op: "dial", Err: io.EOF}},
		{source: whole, err: &net.OpError{Op: "dial", Err: io.EOF}, again: true},
		{source: whole, err: io.ErrUnexpectedEOF, uncertain: true},
		{source: fakeSource{}, err: io.ErrUnexpectedEOF, again: true},
		{source: fakeSource{spent: true}, err: io.ErrUnexpectedEOF},
		{source: whole, resp: status(502), uncertain: true},
		{source: fakeSource{}, resp: status(502), again: true},
		{source: fakeSource{spent: true}, resp: status(502)},
		{source: whole, resp: status(503), uncertain: true},
		{source: fakeSource{}, resp: status(503), again: true},
		{source: fakeSource{}, resp: status(413)},
	} {
		call := newTestCall(http.MethodPost)
		call.Source = c.source
		again, err := checkRetry(call, c.resp, c.err)
		require.NoError(t, err)
		require.Equal(t, c.again, again, "%+v", c)
		require.Equal(t, c.uncertain, call.Uncertain(), "%+v", c)
		require.Equal(t, c.source.Spent(), call.GaveUp == "its data cannot be read again", "%+v", c)
	}
}

func TestCallOutsideOfOne(t *testing.T) {
	t.Parallel()
	require.Nil(t, CallOf(context.Background()))
	call := newTestCall(http.MethodGet)
	inner, cancel := context.WithCancel(call)
	defer cancel()
	require.Same(t, call, CallOf(inner))
}
