package trillian_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// archive is a server with weeks of messages, numbered by the day of the year from 0:
// message n of a week says "year/week/n" and is of the n-th second of its first day.
type archive struct {
	*httptest.Server
	weeks    []string // "conversation/year/week", in the order they are listed
	messages int      // in each

	mu       sync.Mutex
	busy     int
	busiest  int
	conns    atomic.Int32
	asked    []string
	fail     map[string]int // the status of a week, instead
	breakOff map[string]int // how often a week breaks off
	together int            // weeks are answered once so many are asked for, 0 for at once
	hold     chan struct{}  // closed then

	slow    string        // a week that is answered only after
	overdue chan struct{} // is closed
}

func newArchive(t testing.TB, messages int, weeks ...string) *archive {
	t.Helper()
	a := &archive{weeks: weeks, messages: messages, fail: map[string]int{}, breakOff: map[string]int{}}
	a.Server = httptest.NewUnstartedServer(a)
	a.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			a.conns.Add(1)
		}
	}
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest := strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1/users/"+smw+"/messages/"), "/")
	if rest == "" {
		a.list(w)
		return
	}
	a.mu.Lock()
	a.busy++
	a.busiest = max(a.busiest, a.busy)
	a.asked = append(a.asked, rest)
	status := a.fail[rest]
	a.breakOff[rest]--
	breaks := a.breakOff[rest] >= 0
	if a.busy == a.together {
		close(a.hold)
		a.together = 0
	}
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.busy--
		a.mu.Unlock()
	}()
	if a.hold != nil {
		select {
		case <-a.hold:
		case <-time.After(time.Minute):
		case <-r.Context().Done():
			return
		}
	}
	if rest == a.slow {
		select {
		case <-a.overdue:
		case <-r.Context().Done():
			return
		}
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	_, week, _ := strings.Cut(rest, "/")
	year, number, _ := strings.Cut(week, "/")
	y, _ := strconv.Atoi(year)
	n, _ := strconv.Atoi(number)
	fmt.Fprint(w, "<response> <messages> ")
	for second := range a.messages {
		at := weekDay(y, n, second).UnixMilli()
		fmt.Fprintf(w, `<message timestamp="%d" from="%s">%s/%d</message>`, at, kwk, week, second)
	}
	if breaks {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, "</messages></response>")
}

// weekDay is a second of the first day of a week.
func weekDay(year, week, second int) time.Time {
	return time.Date(year, 1, 1+7*week, 0, 0, second, 0, time.UTC)
}

// take returns the weeks that were asked for since the last time, in order.
func (a *archive) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	slices.Sort(asked)
	return asked
}

func (a *archive) list(w http.ResponseWriter) {
	fmt.Fprint(w, "<response> ")
	for _, week := range a.weeks {
		part := strings.Split(week, "/")
		fmt.Fprintf(w, `<messages conversation="%s" name="%s"><week year="%s" week="%s" messages="%d"/></messages>`,
			part[0], kwk, part[1], part[2], a.messages)
	}
	fmt.Fprint(w, "</response>")
}

func collect(t testing.TB, c *trillian.Client, opts *trillian.HistoryOptions) ([]string, error) {
	t.Helper()
	var texts []string
	for message, err := range c.Users.Messages.History(t.Context(), smw, opts) {
		if err != nil {
			require.Zero(t, message)
			return texts, err
		}
		texts = append(texts, message.Text)
	}
	return texts, nil
}

func TestHistoryIsInOrder(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 700, "c/2017/0", "c/2016/20", "d/2016/3", "c/2016/3", "c/2015/52")
	var want []string
	for _, week := range []string{"2015/52", "2016/3", "2016/3", "2016/20", "2017/0"} {
		for n := range a.messages {
			want = append(want, fmt.Sprintf("%s/%d", week, n))
		}
	}
	for _, concurrency := range []int{0, 1, 2, 3, 64} {
		got, err := collect(t, newClient(t, a.URL), &trillian.HistoryOptions{Concurrency: concurrency})
		require.NoError(t, err)
		require.Equal(t, want, got, "concurrency %d", concurrency)
	}
}

func TestHistoryOptions(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 3, "c/2014/9", "c/2016/3", "d/2016/4")
	c := newClient(t, a.URL)
	for name, row := range map[string]struct {
		opts *trillian.HistoryOptions
		want string
	}{
		"all":          {nil, "2014/9/0 2014/9/1 2014/9/2 2016/3/0 2016/3/1 2016/3/2 2016/4/0 2016/4/1 2016/4/2"},
		"newest first": {&trillian.HistoryOptions{NewestFirst: true}, "2016/4/2 2016/4/1 2016/4/0 2016/3/2 2016/3/1 2016/3/0 2014/9/2 2014/9/1 2014/9/0"},
		"conversation": {&trillian.HistoryOptions{Conversation: "d"}, "2016/4/0 2016/4/1 2016/4/2"},
		"since":        {&trillian.HistoryOptions{Since: weekDay(2016, 3, 2)}, "2016/3/2 2016/4/0 2016/4/1 2016/4/2"},
		"until":        {&trillian.HistoryOptions{Until: weekDay(2014, 9, 1)}, "2014/9/0"},
		"both":         {&trillian.HistoryOptions{Since: weekDay(2014, 9, 1), Until: weekDay(2014, 9, 2)}, "2014/9/1"},
		"only": {&trillian.HistoryOptions{Only: func(w trillian.MessageWeek) bool {
			return w.Conversation == "c" && w.Year == 2016 && w.Count == 3
		}}, "2016/3/0 2016/3/1 2016/3/2"},
		"only none":            {&trillian.HistoryOptions{Only: func(trillian.MessageWeek) bool { return false }}, ""},
		"no such conversation": {&trillian.HistoryOptions{Conversation: "e"}, ""},
	} {
		got, err := collect(t, c, row.opts)
		require.NoError(t, err, name)
		require.Equal(t, row.want, strings.Join(got, " "), name)
	}
	_, err := collect(t, c, &trillian.HistoryOptions{Since: weekDay(2016, 3, 2), Until: weekDay(2016, 3, 2)})
	require.ErrorIs(t, err, trillian.ErrInvalidArgument)
}

// TestHistoryInTwoGoroutines is for the race detector.
func TestHistoryInTwoGoroutines(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 2, "c/2016/1", "c/2016/2")
	history := newClient(t, a.URL).Users.Messages.History(t.Context(), smw, nil)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			n := 0
			for _, err := range history {
				if assert.NoError(t, err) {
					n++
				}
			}
			assert.Equal(t, 4, n)
		})
	}
	both.Wait()
}

func TestHistoryFetchesAheadOverFewConnections(t *testing.T) {
	t.Parallel()
	weeks := make([]string, 40)
	for i := range weeks {
		weeks[i] = fmt.Sprintf("c/2016/%d", i)
	}
	a := newArchive(t, 5, weeks...)
	a.hold, a.together = make(chan struct{}), 8
	got, err := collect(t, newClient(t, a.URL), &trillian.HistoryOptions{Concurrency: 8})
	require.NoError(t, err)
	require.Len(t, got, 200)
	require.Equal(t, 8, a.busiest, "weeks fetched at once")
	require.Less(t, a.conns.Load(), int32(16), "connections: eight, and what net/http does not keep")
}

func TestHistoryEndsInItsError(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 3, "c/2016/1", "c/2016/2", "c/2016/3")
	a.fail["c/2016/2"] = 500
	for _, concurrency := range []int{1, 4} {
		got, err := collect(t, newClient(t, a.URL), &trillian.HistoryOptions{Concurrency: concurrency})
		require.ErrorIs(t, err, trillian.ErrServer)
		require.Equal(t, []string{"2016/1/0", "2016/1/1", "2016/1/2"}, got)
	}
}

func TestHistoryCanBeLeft(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 3000, "c/2016/1", "c/2016/2", "c/2016/3", "c/2016/4")
	for _, concurrency := range []int{1, 4} {
		n := 0
		for _, err := range newClient(t, a.URL).Users.Messages.History(t.Context(), smw, &trillian.HistoryOptions{Concurrency: concurrency}) {
			require.NoError(t, err)
			if n++; n == 10 {
				break
			}
		}
		require.Equal(t, 10, n)
	}
}

func TestHistoryStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	why := errors.New("the operator left")
	for _, concurrency := range []int{1, 4} {
		a := newArchive(t, 3000, "c/2016/1", "c/2016/2", "c/2016/3")
		ctx, cancel := context.WithCancelCause(t.Context())
		n, ends := 0, 0
		for message, err := range newClient(t, a.URL).Users.Messages.History(ctx, smw, &trillian.HistoryOptions{Concurrency: concurrency}) {
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				_, ok := errors.AsType[*trillian.Error](err)
				require.True(t, ok, "%T", err)
				require.ErrorContains(t, err, why.Error())
				require.NotErrorIs(t, err, why)
				require.Zero(t, message)
				ends++
				continue
			}
			if n++; n == 10 {
				cancel(why)
			}
		}
		cancel(nil)
		require.Equal(t, 10, n, "nothing is yielded after the end")
		require.Equal(t, 1, ends)
	}
}

// TestHistoryIsWholeThoughItsContextEnds cancels once all has been yielded.
func TestHistoryIsWholeThoughItsContextEnds(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 4} {
		a := newArchive(t, 2, "c/2016/1", "c/2016/2")
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		for _, err := range newClient(t, a.URL).Users.Messages.History(ctx, smw, &trillian.HistoryOptions{Concurrency: concurrency}) {
			require.NoError(t, err, concurrency)
			if n++; n == 4 {
				cancel()
			}
		}
		cancel()
		require.Equal(t, 4, n)
	}
}

// TestIteratorsYieldWhileTheAnswerArrives holds back the end of an answer until
// its first item has been yielded.
func TestIteratorsYieldWhileTheAnswerArrives(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<response> <presence name="a"/><presence name="b"/>`)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-first:
			fmt.Fprint(w, `<presence name="c"/></response>`)
		case <-time.After(10 * time.Second):
		}
	}))
	t.Cleanup(server.Close)
	var names []string
	for presence, err := range newClient(t, server.URL).Presence.All(t.Context()) {
		require.NoError(t, err)
		if names = append(names, presence.Name); len(names) == 1 {
			close(first)
		}
	}
	require.Equal(t, []string{"a", "b", "c"}, names)
}

// TestAllYieldsWhileAWeekArrives is the same for the messages of a week.
func TestAllYieldsWhileAWeekArrives(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<response><messages> <message timestamp="1" from="a">1</message><message timestamp="1" from="a">2</message>`)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-first:
			fmt.Fprint(w, `<message timestamp="1" from="a">3</message></messages></response>`)
		case <-time.After(10 * time.Second):
		}
	}))
	t.Cleanup(server.Close)
	var texts strings.Builder
	for message, err := range newClient(t, server.URL).Users.Messages.All(t.Context(), smw, week20) {
		require.NoError(t, err)
		require.Equal(t, history, message.Conversation)
		if texts.WriteString(message.Text); texts.Len() == 1 {
			close(first)
		}
	}
	require.Equal(t, "123", texts.String())
}

func TestHistoryOptionsReaches(t *testing.T) {
	t.Parallel()
	week := trillian.MessageWeek{Conversation: "c", Year: 2026, Week: 20}
	date := func(month time.Month) time.Time { return time.Date(2026, month, 15, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		opts    *trillian.HistoryOptions
		reaches bool
	}{
		"no options":           {nil, true},
		"all":                  {&trillian.HistoryOptions{}, true},
		"its conversation":     {&trillian.HistoryOptions{Conversation: "c"}, true},
		"another conversation": {&trillian.HistoryOptions{Conversation: "d"}, false},
		"chosen":               {&trillian.HistoryOptions{Only: func(w trillian.MessageWeek) bool { return w.Week == week.Week }}, true},
		"not chosen":           {&trillian.HistoryOptions{Only: func(w trillian.MessageWeek) bool { return w.Week != week.Week }}, false},
		"before it":            {&trillian.HistoryOptions{Until: date(time.March)}, false},
		"around it":            {&trillian.HistoryOptions{Since: date(time.May), Until: date(time.June)}, true},
		"after it":             {&trillian.HistoryOptions{Since: date(time.August)}, false},
	} {
		require.Equal(t, c.reaches, c.opts.Reaches(week), name)
	}
}
