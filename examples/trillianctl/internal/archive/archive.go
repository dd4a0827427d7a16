// Package archive keeps the histories and files of a Trillian Server in one SQLite
// database with a directory of files beside it.
//
// A run first writes down what the server lists, and then asks for what the archive
// has not: so that one that was killed goes on where it was, and one that finds
// nothing new asks for the lists only. What the server deletes stays in the archive.
package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/dbfile"
)

// Options says what to archive. The zero value archives everything.
type Options struct {
	// Owners are the users and group chats to archive, by address or name; nil for all.
	Owners []string

	// Since and Until bound the time of what is asked for: files made in between,
	// and the whole weeks that can hold messages of that time. Zero for no bound.
	Since, Until time.Time

	// WithoutMedia leaves out the files.
	WithoutMedia bool

	// Concurrency is how many requests are under way at once, at most 64; 0 for 8.
	Concurrency int

	// Progress, where it is set, is told how far a step has come. It is called by one
	// goroutine at a time, and must not take long.
	Progress func(Progress)
}

// Progress is how far a step of a run has come.
type Progress struct {
	Step        Step
	Done, Total int64 // owners, messages or bytes, as the step has it
}

// Step is a part of a run. They follow each other in this order.
type Step int

// The steps, and what is counted in them.
const (
	Lists    Step = iota // owners whose conversations and files were listed
	Messages             // messages of the weeks that were asked for
	Files                // bytes of files that were downloaded
)

func (s Step) String() string { return [...]string{"lists", "messages", "files"}[s] }

// Result is what a run did.
type Result struct {
	Owners   int   `json:"owners"`   // listed by the server
	Weeks    int   `json:"weeks"`    // asked for, of every copy of a conversation
	Messages int   `json:"messages"` // that the archive did not have before
	Files    int   `json:"files"`    // downloaded
	Bytes    int64 `json:"bytes"`    // of them
	Failures int   `json:"failures"` // lists, weeks and files that could not be had
}

const (
	defaultConcurrency = 8
	maxConcurrency     = 64
)

// Run brings the archive at path up to date with the server, and makes it where
// there is none. At any moment another may search it, but not run.
//
// What cannot be had is left out, and the rest goes on: the error then joins those
// of the first few failures, and the next run asks again. After an error, too, the
// Result says what was done.
func Run(ctx context.Context, client *trillian.Client, path string, opts Options) (Result, error) {
	if err := opts.check(); err != nil {
		return Result{}, err
	}
	release, err := dbfile.Lock(path)
	if err != nil {
		return Result{}, fmt.Errorf("archive: %w", err)
	}
	defer release()
	db, err := openToWrite(ctx, path)
	if err != nil {
		return Result{}, err
	}
	defer db.Close()
	r := &run{client: client, db: db, files: filesOf(path), opts: opts}
	err = r.all(ctx)
	return r.result, errors.Join(append(r.failures, err)...)
}

func (o *Options) check() error {
	switch {
	case o.Concurrency < 0 || o.Concurrency > maxConcurrency:
		return fmt.Errorf("archive: a concurrency of %d is not 1 to %d", o.Concurrency, maxConcurrency)
	case !o.Since.IsZero() && !o.Until.IsZero() && !o.Since.Before(o.Until):
		return errors.New("archive: since is not before until")
	}
	o.Concurrency = cmp.Or(o.Concurrency, defaultConcurrency)
	return nil
}

// period is what the weeks to ask for are chosen by.
func (o *Options) period() *trillian.HistoryOptions {
	return &trillian.HistoryOptions{Since: o.Since, Until: o.Until}
}

// run is one run of the archive.
type run struct {
	client *trillian.Client
	db     *database
	files  *files
	opts   Options

	id       int64
	result   Result
	failures []error // the first few
	inARow   int     // failures since the last success
	fatal    error   // that ends the run
}

func (r *run) all(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.owners(ctx); err != nil {
		return err
	}
	steps := []func(context.Context) error{r.lists, r.weeks}
	if !r.opts.WithoutMedia {
		steps = append(steps, r.media)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if r.result.Failures > 0 {
		return nil
	}
	_, err := r.db.ExecContext(ctx, "UPDATE runs SET finished_at = ? WHERE id = ?", time.Now().Unix(), r.id)
	return err
}

func (r *run) begin(ctx context.Context) error {
	done, err := r.db.ExecContext(ctx, "INSERT INTO runs (started_at, server) VALUES (?, ?)", time.Now().Unix(), r.client.BaseURL())
	if err != nil {
		return err
	}
	r.id, err = done.LastInsertId()
	return err
}

func (r *run) progress(step Step, done, total int64) {
	if r.opts.Progress != nil {
		r.opts.Progress(Progress{step, done, total})
	}
}

const (
	keptFailures   = 5
	failuresInARow = 10 // then the rest is not tried any more
)

// failed notes that something could not be had, and whether it makes sense to go on.
func (r *run) failed(ctx context.Context, what string, err error) {
	err = fmt.Errorf("%s: %w", what, err)
	r.inARow++
	if ctx.Err() != nil || r.inARow >= failuresInARow ||
		errors.Is(err, trillian.ErrUnauthorized) || errors.Is(err, trillian.ErrForbidden) {
		r.fatal = err
		return
	}
	if r.result.Failures++; r.result.Failures <= keptFailures {
		r.failures = append(r.failures, err)
	}
}

// store keeps results in one transaction, the failed ones apart.
func store[T, R any](ctx context.Context, r *run, all []fetched[T, R], what func(T) string, keep func(*transaction, []fetched[T, R]) error) error {
	got := make([]fetched[T, R], 0, len(all))
	for _, f := range all {
		if f.err != nil {
			r.failed(ctx, what(f.task), f.err)
			continue
		}
		r.inARow = 0
		got = append(got, f)
	}
	if err := r.db.change(ctx, func(tx *transaction) error { return keep(tx, got) }); err != nil {
		return err
	}
	return r.fatal
}

// histories is the service for an owner's messages, and attachments that for its
// files. The name of a group chat begins with #, a user's address does not.
func histories(client *trillian.Client, owner string) *trillian.MessagesService {
	if isGroupChat(owner) {
		return client.GroupChats.Messages
	}
	return client.Users.Messages
}

func attachments(client *trillian.Client, owner string) *trillian.MediaService {
	if isGroupChat(owner) {
		return client.GroupChats.Media
	}
	return client.Users.Media
}

func isGroupChat(owner string) bool { return strings.HasPrefix(owner, "#") }
