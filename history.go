package trillian

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"
)

// HistoryOptions says which part of a history to walk, and how. A nil
// *HistoryOptions walks all of it.
type HistoryOptions struct {
	Conversation string        // only this one, by ID; "" for all
	Weeks        []MessageWeek // only these; nil for all that the server lists
	Since        time.Time     // only messages from then on; zero for all
	Until        time.Time     // only messages before then; zero for all
	Concurrency  int           // weeks fetched at once, at most 64; 0 for 4, 1 for one after the other
}

const (
	defaultConcurrency = 4
	maxConcurrency     = 64 // the idle connections that the transport keeps
)

// All yields a history in order of year and week, and within a week in the
// server's order. It fetches up to Concurrency weeks at once, over as many
// connections, and holds no more than those in memory. An error comes last, once,
// with a zero Message.
//
// Trillian API: GET /v1/groupchats/:groupchat/messages/, GET /v1/users/:user/messages/, and each week's messages
func (s *MessagesService) All(ctx context.Context, owner string, opts *HistoryOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		o := value(opts)
		weeks, err := s.weeksOf(ctx, owner, &o)
		if err != nil {
			yield(Message{}, err)
			return
		}
		fetch := func(ctx context.Context, week MessageWeek) iter.Seq2[Message, error] {
			return s.messages(ctx, owner, week)
		}
		var walk iter.Seq2[Message, error]
		if o.Concurrency == 1 || len(weeks) == 1 {
			walk = oneByOne(ctx, weeks, fetch)
		} else {
			walk = prefetch(ctx, weeks, o.Concurrency, fetch)
		}
		for message, err := range walk {
			if err == nil && !o.covers(message.Timestamp.Time) {
				continue
			}
			if !yield(message, err) {
				return
			}
		}
	}
}

// messages yields the messages of a week.
func (s *MessagesService) messages(ctx context.Context, owner string, week MessageWeek) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for message, err := range stream[Message](ctx, s.client, s.week(".All", owner, week), "messages>message") {
			if err == nil {
				message.Conversation = week.Conversation
			}
			if !yield(message, err) {
				return
			}
		}
	}
}

// weeksOf lists the weeks to walk, in order.
func (s *MessagesService) weeksOf(ctx context.Context, owner string, o *HistoryOptions) ([]MessageWeek, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	weeks := slices.Clone(o.Weeks)
	if o.Weeks == nil {
		conversations, err := s.Conversations(ctx, owner)
		if err != nil {
			return nil, err
		}
		for _, c := range conversations {
			weeks = append(weeks, c.Weeks...)
		}
	}
	for i := range weeks {
		weeks[i].Conversation = cmp.Or(weeks[i].Conversation, o.Conversation)
	}
	weeks = slices.DeleteFunc(weeks, func(w MessageWeek) bool {
		return o.Conversation != "" && w.Conversation != o.Conversation || !o.reaches(w)
	})
	slices.SortStableFunc(weeks, func(a, b MessageWeek) int {
		return cmp.Or(a.Year-b.Year, a.Week-b.Week)
	})
	return weeks, nil
}

func (o *HistoryOptions) check() error {
	switch {
	case o.Concurrency < 0 || o.Concurrency > maxConcurrency:
		return &ArgumentError{Name: "concurrency", Reason: fmt.Sprintf("is %d, not 0 to %d", o.Concurrency, maxConcurrency)}
	case !o.Since.IsZero() && !o.Until.IsZero() && !o.Since.Before(o.Until):
		return &ArgumentError{Name: "since", Reason: "is not before until"}
	}
	o.Concurrency = cmp.Or(o.Concurrency, defaultConcurrency)
	return nil
}

// reaches reports whether a week may have messages of the time asked for. Its
// number says nothing certain; its year, give or take one for the turn of the
// year, does.
func (o *HistoryOptions) reaches(w MessageWeek) bool {
	return (o.Since.IsZero() || w.Year >= o.Since.UTC().Year()-1) &&
		(o.Until.IsZero() || w.Year <= o.Until.UTC().Year()+1)
}

func (o *HistoryOptions) covers(t time.Time) bool {
	return (o.Since.IsZero() || !t.Before(o.Since)) && (o.Until.IsZero() || t.Before(o.Until))
}

type fetchFunc func(context.Context, MessageWeek) iter.Seq2[Message, error]

func oneByOne(ctx context.Context, weeks []MessageWeek, fetch fetchFunc) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for _, week := range weeks {
			for message, err := range fetch(ctx, week) {
				if !yield(message, err) || err != nil {
					return
				}
			}
		}
	}
}

// weekBuffer is how many messages of a week wait for their turn. With more of them
// it took longer, measured, and more memory.
const weekBuffer = 512

// weekFetch is a week on its way from the goroutine that fetches it to the loop
// that reads it.
type weekFetch struct {
	filled chan struct{} // told to a reader that waits
	room   chan struct{} // told to a fetch that waits

	mu      sync.Mutex
	batch   []Message // not yet taken
	waiting bool      // the reader is
	ended   bool
	err     error // once ended
}

func newWeekFetch() *weekFetch {
	return &weekFetch{filled: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// prefetch yields weeks in order while the next ones are already being fetched.
func prefetch(ctx context.Context, weeks []MessageWeek, concurrency int, fetch fetchFunc) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait() // no goroutine outlives the loop
		defer cancel()

		// The week being read and those in the queue make up the concurrency.
		queue := make(chan *weekFetch, concurrency-2)
		running.Go(func() {
			defer close(queue)
			for _, week := range weeks {
				f := newWeekFetch()
				running.Go(func() { f.run(fetch(ctx, week), ctx.Done()) })
				select {
				case queue <- f:
				case <-ctx.Done():
					return
				}
			}
		})
		walked := 0
		for f := range queue {
			for batch := range f.all() {
				for _, message := range batch {
					if ctx.Err() != nil {
						yield(Message{}, cancelled(ctx))
						return
					}
					if !yield(message, nil) {
						return
					}
				}
			}
			if f.err != nil {
				yield(Message{}, f.err)
				return
			}
			walked++
		}
		if walked < len(weeks) {
			yield(Message{}, cancelled(ctx))
		}
	}
}

// cancelled is the end of a walk between two answers.
func cancelled(ctx context.Context) error {
	return fmt.Errorf("trillian: reading a history: %w: %v", ctx.Err(), context.Cause(ctx))
}

func (f *weekFetch) run(messages iter.Seq2[Message, error], done <-chan struct{}) {
	for message, err := range messages {
		if err != nil {
			f.end(err)
			return
		}
		if !f.put(message, done) {
			f.end(context.Canceled)
			return
		}
	}
	f.end(nil)
}

func (f *weekFetch) put(message Message, done <-chan struct{}) bool {
	f.mu.Lock()
	f.batch = append(f.batch, message)
	full := len(f.batch) >= weekBuffer
	f.wake()
	f.mu.Unlock()
	if !full {
		return true
	}
	select {
	case <-f.room:
		return true
	case <-done:
		return false
	}
}

func (f *weekFetch) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.err = true, err
	f.wake()
}

// wake tells the reader, if it waits. f.mu is held.
func (f *weekFetch) wake() {
	if f.waiting {
		f.waiting = false
		f.filled <- struct{}{}
	}
}

// all yields what there is, as soon as there is something.
func (f *weekFetch) all() iter.Seq[[]Message] {
	return func(yield func([]Message) bool) {
		var batch []Message
		for {
			if batch = f.take(batch[:0]); len(batch) == 0 || !yield(batch) {
				return
			}
		}
	}
}

// take returns what is there, or waits for it, and leaves an empty slice to
// fill. It returns nothing at the end.
func (f *weekFetch) take(empty []Message) []Message {
	for {
		f.mu.Lock()
		batch, ended := f.batch, f.ended
		if len(batch) > 0 {
			f.batch = empty
		} else {
			f.waiting = !ended
		}
		f.mu.Unlock()
		if len(batch) > 0 {
			select {
			case f.room <- struct{}{}:
			default:
			}
			return batch
		}
		if ended {
			return nil
		}
		<-f.filled
	}
}
