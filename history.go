package trillian

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"
)

// HistoryOptions says which part of a history to read, and how. A nil
// *HistoryOptions reads all of it, the oldest first.
type HistoryOptions struct {
	Conversation string                 // only this one, by ID; "" for all
	Only         func(MessageWeek) bool // only the weeks it returns true for; nil for all that the server lists

	// Since and Until are the time of the messages: from Since on, and before
	// Until; zero for no bound. Only the weeks that can hold such messages are asked
	// for. How the server numbers them is not documented: it is inferred that they
	// are weeks by the day of the year or of ISO 8601, from 0 or from 1, and two more
	// weeks are asked for on either side. [MessagesService.History] passes over the
	// messages that are out of bounds, [MessagesService.Weeks] yields all of a week.
	Since, Until time.Time

	NewestFirst bool // the newest week first, and in each week the newest message
	Concurrency int  // weeks fetched at once, at most 64; 0 for 4, 1 for one after the other
}

// WeekMessages is a week of a history with all its messages.
type WeekMessages struct {
	Week     MessageWeek `json:"week"`
	Messages []Message   `json:"messages"` // in the server's order, or turned around
}

const (
	defaultConcurrency = 4
	maxConcurrency     = 64 // the idle connections that the transport keeps

	// For so many weeks fetched at once, one more may wait for its turn. A slow week
	// holds up those after it, whose successors are then asked for all at once, and
	// arrive all at once: without a spare one 8 at once took 6 to 8 % longer, measured.
	weeksPerSpare = 8
)

// Weeks yields a history in whole weeks, in order of year and week: an archive that
// keeps one after the other can go on where it broke off, by Only. An error comes
// last, once, with a zero WeekMessages. A week that is deleted while the loop runs ends
// it with [ErrNotFound], if the server answers 404 for it (inferred).
//
// Up to Concurrency weeks are fetched at once, each as by List: one that breaks off
// is asked for again. As many are in memory, the one that the loop has among them, or
// from 8 on an eighth more. For one huge week there is All.
//
// Trillian API: GET /v1/groupchats/:groupchat/messages/, GET /v1/users/:user/messages/, and each week's messages
func (s *MessagesService) Weeks(ctx context.Context, owner string, opts *HistoryOptions) iter.Seq2[WeekMessages, error] {
	return func(yield func(WeekMessages, error) bool) {
		o, err := value(opts).withDefaults()
		if err != nil {
			yield(WeekMessages{}, err)
			return
		}
		weeks, err := s.weeksOf(ctx, owner, &o)
		if err != nil {
			yield(WeekMessages{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait() // no goroutine outlives the loop
		defer cancel()

		ahead := o.Concurrency + o.Concurrency/weeksPerSpare
		turns := make(chan int, ahead) // of the weeks, with room for all that are ahead
		defer close(turns)
		fetched := make([]chan listed, len(weeks))
		fetch := func(i int) {
			result := listed{err: errGoexit}
			defer func() {
				result.panicked = recover()
				fetched[i] <- result
			}()
			result.messages, result.err = s.List(ctx, owner, weeks[i])
		}
		for range min(o.Concurrency, len(weeks)) {
			running.Go(func() {
				for i := range turns {
					fetch(i)
				}
			})
		}
		started := 0
		for i, week := range weeks {
			for ; started < min(i+ahead, len(weeks)); started++ {
				fetched[started] = make(chan listed, 1)
				turns <- started
			}
			result := <-fetched[i]
			if result.panicked != nil {
				panic(result.panicked) // where the caller can recover
			}
			if result.err == nil {
				result.err = s.ended(ctx, owner, week)
			}
			if result.err != nil {
				yield(WeekMessages{}, result.err)
				return
			}
			if o.NewestFirst {
				slices.Reverse(result.messages)
			}
			if !yield(WeekMessages{week, result.messages}, nil) {
				return
			}
		}
	}
}

// listed is what List returned, or panicked with.
type listed struct {
	messages []Message
	err      error
	panicked any
}

// errGoexit is of a transport or middleware that ends its goroutine, as a test's
// FailNow does.
var errGoexit = errors.New("trillian: runtime.Goexit was called while a week was fetched")

// History yields the messages of a history: of the weeks that Weeks yields, those
// between Since and Until. An error comes last, once, with a zero Message.
//
// Trillian API: GET /v1/groupchats/:groupchat/messages/, GET /v1/users/:user/messages/, and each week's messages
func (s *MessagesService) History(ctx context.Context, owner string, opts *HistoryOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		o := value(opts)
		for week, err := range s.Weeks(ctx, owner, &o) {
			for _, message := range week.Messages {
				if !o.covers(message.Timestamp.Time) {
					continue
				}
				if err = s.ended(ctx, owner, week.Week); err != nil {
					break
				}
				if !yield(message, nil) {
					return
				}
			}
			if err != nil {
				yield(Message{}, err)
				return
			}
		}
	}
}

// ended is the error of a context that is over between two responses.
func (s *MessagesService) ended(ctx context.Context, owner string, week MessageWeek) error {
	if ctx.Err() == nil {
		return nil
	}
	r := s.ofWeek(s.list, owner, week)
	r.method = http.MethodGet
	_, err := s.client.newCall(ctx, r)
	return err
}

// weeksOf lists the weeks to read, in order.
func (s *MessagesService) weeksOf(ctx context.Context, owner string, o *HistoryOptions) ([]MessageWeek, error) {
	conversations, err := s.Conversations(ctx, owner)
	if err != nil {
		return nil, err
	}
	var weeks []MessageWeek
	for _, c := range conversations {
		weeks = append(weeks, c.Weeks...)
	}
	weeks = slices.DeleteFunc(weeks, func(w MessageWeek) bool { return !o.Reaches(w) })
	slices.SortStableFunc(weeks, func(a, b MessageWeek) int {
		return cmp.Or(a.Year-b.Year, a.Week-b.Week)
	})
	if o.NewestFirst {
		slices.Reverse(weeks)
	}
	return weeks, nil
}

func (o HistoryOptions) withDefaults() (HistoryOptions, error) {
	switch {
	case o.Concurrency < 0 || o.Concurrency > maxConcurrency:
		return o, &ArgumentError{Name: "concurrency", Reason: fmt.Sprintf("is %d, not 0 to %d", o.Concurrency, maxConcurrency)}
	case !o.Since.IsZero() && !o.Until.IsZero() && !o.Since.Before(o.Until):
		return o, &ArgumentError{Name: "since", Reason: "is not before until"}
	}
	o.Concurrency = cmp.Or(o.Concurrency, defaultConcurrency)
	return o, nil
}

const (
	lastWeek = 54 // no usual numbering goes further
	margin   = 14 // days
)

// Reaches reports whether a week that [MessagesService.Conversations] listed is asked
// for with these options: for a program that lists once and then chooses by itself.
func (o *HistoryOptions) Reaches(w MessageWeek) bool {
	return o == nil || (o.Conversation == "" || o.Conversation == w.Conversation) && o.inTime(w) && (o.Only == nil || o.Only(w))
}

// inTime reports whether a week may have messages of the time asked for. Counted by
// the day of the year, from 0, it begins on day 7 times its number; from 1, and by
// ISO 8601, up to 10 days earlier; by ISO 8601 from 0, up to 3 days later.
func (o *HistoryOptions) inTime(w MessageWeek) bool {
	if w.Week > lastWeek {
		return true
	}
	day := time.Date(w.Year, time.January, 1+7*w.Week, 0, 0, 0, 0, time.UTC)
	from, to := day.AddDate(0, 0, -10-margin), day.AddDate(0, 0, 3+7+margin)
	return (o.Since.IsZero() || to.After(o.Since)) && (o.Until.IsZero() || from.Before(o.Until))
}

func (o *HistoryOptions) covers(t time.Time) bool {
	return (o.Since.IsZero() || !t.Before(o.Since)) && (o.Until.IsZero() || t.Before(o.Until))
}
