package trillian_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

func TestWeeks(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 2, "c/2017/0", "d/2016/3", "c/2016/52")
	a.breakOff["d/2016/3"] = 1
	messages := newClient(t, a.URL, trillian.WithRetryPolicy(trillian.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1})).Users.Messages
	for _, opts := range []*trillian.HistoryOptions{nil, {Concurrency: 1}, {NewestFirst: true}} {
		var got []string
		for week, err := range messages.Weeks(t.Context(), smw, opts) {
			require.NoError(t, err)
			text := fmt.Sprintf("%s/%d/%d:", week.Week.Conversation, week.Week.Year, week.Week.Week)
			for _, m := range week.Messages {
				require.Equal(t, week.Week.Conversation, m.Conversation)
				text += m.Text[len(m.Text)-1:]
			}
			got = append(got, text)
		}
		if opts != nil && opts.NewestFirst {
			require.Equal(t, []string{"c/2017/0:10", "c/2016/52:10", "d/2016/3:10"}, got)
		} else {
			require.Equal(t, []string{"d/2016/3:01", "c/2016/52:01", "c/2017/0:01"}, got)
		}
		want := []string{"c/2016/52", "c/2017/0", "d/2016/3"}
		if opts == nil {
			want = append(want, "d/2016/3") // a week that broke off is asked for again, and nothing comes twice
		}
		require.Equal(t, want, a.take())
	}
}

// TestWeeksOfATime holds which weeks are asked for: all that may have a message of
// the time under any usual numbering, and not many more.
func TestWeeksOfATime(t *testing.T) {
	t.Parallel()
	var all []string
	for year := 2015; year <= 2017; year++ {
		for week := range 55 {
			all = append(all, fmt.Sprintf("c/%d/%d", year, week))
		}
	}
	a := newArchive(t, 1, append(all, "c/2016/99")...)
	messages := newClient(t, a.URL).Users.Messages
	for day := time.Date(2015, 12, 20, 0, 0, 0, 0, time.UTC); day.Year() < 2017 || day.YearDay() < 10; day = day.AddDate(0, 0, 3) {
		year, week := day.ISOWeek()
		byDay := (day.YearDay() - 1) / 7
		require.NoError(t, last(messages.Weeks(t.Context(), smw, &trillian.HistoryOptions{Since: day, Until: day.Add(1)})))
		asked := a.take()
		for _, w := range []string{
			fmt.Sprintf("c/%d/%d", year, week), fmt.Sprintf("c/%d/%d", year, week-1), // ISO 8601, from 1 and from 0
			fmt.Sprintf("c/%d/%d", day.Year(), byDay), fmt.Sprintf("c/%d/%d", day.Year(), byDay+1), // by the day of the year
			"c/2016/99", // which no usual numbering has
		} {
			require.Contains(t, asked, w, "%v", day)
		}
		require.LessOrEqual(t, len(asked), 12, "%v: %v", day, asked)
	}
	require.NoError(t, last(messages.Weeks(t.Context(), smw, &trillian.HistoryOptions{Since: time.Date(2017, 11, 1, 0, 0, 0, 0, time.UTC)})))
	require.Equal(t, "c/2016/99 c/2017/41 c/2017/42 c/2017/43", strings.Join(a.take()[:4], " "))
	require.NoError(t, last(messages.Weeks(t.Context(), smw, &trillian.HistoryOptions{Until: time.Date(2015, 1, 2, 0, 0, 0, 0, time.UTC)})))
	require.Equal(t, "c/2015/0 c/2015/1 c/2015/2 c/2015/3 c/2016/99", strings.Join(a.take(), " "))
}

// TestWeeksStayAhead holds that memory is that of so many weeks, or an eighth more:
// while the loop has one, no more than the others are fetched.
func TestWeeksStayAhead(t *testing.T) {
	t.Parallel()
	weeks := make([]string, 30)
	for i := range weeks {
		weeks[i] = fmt.Sprintf("c/2016/%d", i)
	}
	for _, concurrency := range []int{1, 7, 8, 16} {
		a := newArchive(t, 1, weeks...)
		asked, n := 0, 0
		for _, err := range newClient(t, a.URL).Users.Messages.Weeks(t.Context(), smw, &trillian.HistoryOptions{Concurrency: concurrency}) {
			require.NoError(t, err)
			asked += len(a.take())
			require.LessOrEqual(t, asked, n+concurrency+concurrency/8)
			n++
		}
		require.Equal(t, len(weeks), n)
		require.Equal(t, len(weeks), asked+len(a.take()))
	}
}

// TestWeeksPassASlowOne holds how far those after a slow week get meanwhile.
func TestWeeksPassASlowOne(t *testing.T) {
	t.Parallel()
	weeks := make([]string, 30)
	for i := range weeks {
		weeks[i] = fmt.Sprintf("c/2016/%d", i)
	}
	for concurrency, want := range map[int]int{1: 1, 7: 7, 8: 9, 16: 18} {
		a := newArchive(t, 1, weeks...)
		a.slow, a.overdue = weeks[0], make(chan struct{})
		var loop sync.WaitGroup
		loop.Go(func() {
			assert.NoError(t, last(newClient(t, a.URL).Users.Messages.Weeks(t.Context(), smw, &trillian.HistoryOptions{Concurrency: concurrency})))
		})
		asked := 0
		assert.Eventually(t, func() bool {
			asked += len(a.take())
			return asked == want
		}, 10*time.Second, time.Millisecond, "%d at once", concurrency)
		close(a.overdue)
		loop.Wait()
		require.Equal(t, len(weeks), asked+len(a.take()))
		require.LessOrEqual(t, a.busiest, concurrency, "weeks fetched at once")
	}
}

// TestWeeksThatPanic holds that what a transport does in a fetch comes to the loop.
func TestWeeksThatPanic(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(){"panic": func() { panic("a transport's") }, "FailNow": runtime.Goexit} {
		c := newClient(t, "https://im.test", trillian.WithMiddleware(func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(r.URL.Path, "/messages/") {
					happens()
				}
				return httpmock.NewStringResponse(200,
					`<response><messages conversation="c"><week year="2016" week="1"/><week year="2016" week="2"/></messages></response>`), nil
			})
		}))
		loop := func() { require.ErrorContains(t, last(c.Users.Messages.History(t.Context(), smw, nil)), "Goexit") }
		if name == "panic" {
			require.PanicsWithValue(t, "a transport's", loop)
		} else {
			loop()
		}
	}
}

// TestWeeksAreTheServers asks for weeks of numbers that no calendar has.
func TestWeeksAreTheServers(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 1, "c/2016/54", "c/2017/100", "c/9998/0")
	got, err := collect(t, newClient(t, a.URL), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"2016/54/0", "2017/100/0", "9998/0/0"}, got)

	for _, week := range []string{"c/0/3", "c/-5/3", "c/2016/-1", "c/10000/1"} {
		a := newArchive(t, 1, "c/2016/1", week)
		got, err := collect(t, newClient(t, a.URL), nil)
		require.ErrorIs(t, err, trillian.ErrMalformedResponse, week)
		require.NotErrorIs(t, err, trillian.ErrInvalidArgument, "the server, not the caller, says so")
		require.Empty(t, got)
	}
}

// TestWeeksEndWithTheirContext ends it while the loop has a week, and the others have
// arrived.
func TestWeeksEndWithTheirContext(t *testing.T) {
	t.Parallel()
	a := newArchive(t, 1, "c/2016/1", "c/2016/2")
	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	for week, err := range newClient(t, a.URL).Users.Messages.Weeks(ctx, smw, nil) {
		if n++; n == 1 {
			require.NoError(t, err)
			cancel(errors.New("the operator left"))
			continue
		}
		require.Zero(t, week)
		failure, ok := errors.AsType[*trillian.Error](err)
		require.True(t, ok, "%T", err)
		require.Equal(t, "GET", failure.Method)
		require.Equal(t, "users/smw%40cerulean-inc.com/messages/c/2016/2/", failure.Path)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "the operator left")
	}
	cancel(nil)
	require.Equal(t, 2, n)
}

// last is the error that a loop ends with.
func last[T any](items iter.Seq2[T, error]) (err error) {
	for _, err = range items {
	}
	return err
}
