package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trillian-go/trillian"
)

// Options say how a file is planned and applied.
type Options struct {
	File        string // its name, for errors
	Exact       bool   // users also leave the chats that the file names elsewhere
	NoPasswords bool   // users are created without one where the file has none
	DryRun      bool   // the client sends nothing: every step is tried once, and nothing is recorded

	Concurrency int                   // users that are worked on at once, 1 if 0
	Pause       time.Duration         // before an unknown outcome is looked for: the request may still be under way
	Progress    func(done, total int) // may be called by several goroutines
}

const (
	maxRounds         = 8  // one would be unlucky to need a fifth
	maxFailuresInARow = 20 // then it is the server, or the network, and not the users
	lastLook          = 30 * time.Second
)

// MakePlan asks the server and plans. It is a *Problems where the file names a
// chat that there is not, or several of.
func MakePlan(ctx context.Context, client *trillian.Client, rows []Row, opts Options) (*Plan, error) {
	c, err := look(ctx, client, rows, opts.File)
	if err != nil {
		return nil, err
	}
	return c.plan(rows, opts.File, opts.Exact), nil
}

// run is one application of a plan.
type run struct {
	client  *trillian.Client
	opts    Options
	results *Results // nil in a dry run
	company *company
	inARow  atomic.Int64 // failures

	mu    sync.Mutex
	of    map[key]Result // the last of every step
	done  int            // steps that were begun
	total int
	stop  error // why no more is sent
}

// Apply carries a plan out, users at once as Concurrency says, a user's own steps
// in order. A step that fails does not keep the others from being done.
//
// It looks at the server first, and after each round: what was of unknown outcome
// is then known, and only what was not carried out is sent again. So nothing is
// repeated blindly, and what is reported as done was seen.
//
// The error says why it stopped before the end; single failures are in the results
// alone. They come in the plan's order, whatever the error.
func Apply(ctx context.Context, client *trillian.Client, plan *Plan, results *Results, opts Options) ([]Result, error) {
	r := &run{client: client, opts: opts, results: results, company: plan.company, of: map[key]Result{}}
	var todo []Step
	for _, s := range plan.Steps {
		if s.Action != Keep {
			todo = append(todo, s)
		}
	}
	r.total = len(todo)
	var err error
	if !opts.DryRun { // somebody has read the plan in the meantime, and another may have acted
		if r.company, err = look(ctx, client, plan.rows, plan.file); err != nil {
			return nil, err
		}
	}
	for range maxRounds {
		r.round(ctx, todo)
		if opts.DryRun {
			break
		}
		if todo, err = r.settle(ctx, todo, plan); err != nil || r.stop != nil || ctx.Err() != nil || len(todo) == 0 {
			break
		}
	}
	all := make([]Result, len(plan.Steps))
	for i, s := range plan.Steps {
		all[i] = Result{Step: s, Outcome: Kept}
		if s.Action != Keep {
			all[i], _ = r.resultOf(s)
		}
	}
	return all, errors.Join(err, r.stop, context.Cause(ctx))
}

// round sends a step each.
func (r *run) round(ctx context.Context, todo []Step) {
	users := make(chan []Step)
	var workers sync.WaitGroup
	for range max(r.opts.Concurrency, 1) {
		workers.Go(func() {
			for steps := range users {
				for _, s := range steps {
					r.step(ctx, s)
				}
			}
		})
	}
	for len(todo) > 0 {
		n := 1
		for n < len(todo) && todo[n].row == todo[0].row {
			n++
		}
		users <- todo[:n]
		todo = todo[n:]
	}
	close(users)
	workers.Wait()
}

func (r *run) step(ctx context.Context, s Step) {
	earlier, again := r.resultOf(s)
	result := Result{Step: s, Outcome: Skipped, Password: earlier.Password}
	switch {
	case r.stopped():
		result.Err = errors.New("not attempted")
	case ctx.Err() != nil:
		result.Err = errors.New("not attempted: interrupted")
	case r.company.protects(s):
		result.Outcome = Kept
	case r.company.has(s):
		result.Outcome = Done
		if !again && !r.opts.DryRun { // a run before may have sent it
			result.Password = r.results.recorded(s)
		}
	case s.Action == Join && !r.isThere(s):
		result.Err = errNotThere
	default:
		result = r.send(ctx, result)
	}
	r.keep(result)
	if !again {
		r.progress()
	}
}

func (r *run) progress() {
	r.mu.Lock()
	r.done++
	done := r.done
	r.mu.Unlock()
	if r.opts.Progress != nil {
		r.opts.Progress(done, r.total)
	}
}

var errNotThere = errors.New("not attempted: the user was not created")

// isThere reports whether the user a step is about is on the server for all that
// is known.
func (r *run) isThere(s Step) bool {
	s.Action, s.Chat = Create, ""
	result, _ := r.resultOf(s)
	return r.opts.DryRun || r.company.has(s) || result.Outcome == Done
}

func (r *run) send(ctx context.Context, result Result) Result {
	s := result.Step
	if s.Action == Create && s.row.Password == "" && !r.opts.NoPasswords && !r.opts.DryRun {
		if result.Password == "" {
			result.Password = r.results.password(s)
		}
		result.Outcome = Sending
		if r.keep(result); r.stopped() {
			result.Outcome, result.Err = Skipped, errors.New("not attempted: the results cannot be written")
			return result
		}
	}
	err := r.call(ctx, s, result.Password)
	result.Outcome, result.Err = outcomeOf(err), err
	r.count(err)
	return result
}

func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Done
	case errors.Is(err, trillian.ErrOutcomeUnknown):
		return Unknown
	}
	return Failed
}

func (r *run) call(ctx context.Context, s Step, generated trillian.Secret) error {
	var err error
	switch s.Action {
	case Create:
		password := s.row.Password
		if password == "" {
			password = generated
		}
		_, err = r.client.Users.Create(ctx, trillian.UserCreate{
			IM: s.Address, Password: password, Email: s.row.Email, DisplayName: s.row.DisplayName,
		})
	case Update:
		_, err = r.client.Users.Update(ctx, s.Address, trillian.UserUpdate{
			Email: given(s.row.Email), DisplayName: given(s.row.DisplayName),
		})
	case Remove:
		err = r.client.Users.Delete(ctx, s.Address)
	case Join:
		_, err = r.client.GroupChats.Members.Add(ctx, s.Chat, s.Address)
	case Leave:
		err = r.client.GroupChats.Members.Remove(ctx, s.Chat, s.Address)
	}
	return err
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// count ends the run where going on cannot help.
func (r *run) count(err error) {
	if err == nil {
		r.inARow.Store(0)
		return
	}
	failures := r.inARow.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stop != nil, r.opts.DryRun:
	case errors.Is(err, trillian.ErrUnauthorized), errors.Is(err, trillian.ErrRedirected):
		r.stop = fmt.Errorf("stopped: %w", err)
	case failures >= maxFailuresInARow:
		r.stop = fmt.Errorf("stopped after %d failures in a row, the last being: %w", failures, err)
	}
}

func (r *run) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stop != nil
}

func (r *run) keep(result Result) {
	var err error
	if !r.opts.DryRun {
		err = r.results.record(result)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[result.key()] = result
	if err != nil && r.stop == nil {
		r.stop = err
	}
}

func (r *run) resultOf(s Step) (Result, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	result, ok := r.of[s.key()]
	return result, ok
}

func (r *run) anyUnknown(sent []Step) bool {
	return slices.ContainsFunc(sent, func(s Step) bool {
		result, _ := r.resultOf(s)
		return result.Outcome == Unknown
	})
}

// settle looks at the server, corrects the results by what it sees, and returns
// the steps that are to be sent again. It looks also when the run was interrupted:
// an unknown outcome is what nobody wants to come back to.
func (r *run) settle(ctx context.Context, sent []Step, plan *Plan) ([]Step, error) {
	if r.anyUnknown(sent) {
		select {
		case <-ctx.Done():
		case <-time.After(r.opts.Pause):
		}
	}
	lookCtx := ctx
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		lookCtx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastLook)
		defer cancel()
	}
	seen, err := look(lookCtx, r.client, plan.rows, plan.file)
	if err != nil {
		return nil, fmt.Errorf("looking at what was done: %w", err)
	}
	r.company = seen
	var again []Step
	coming := map[string]bool{} // users who are to be created again
	for _, s := range sent {
		result, _ := r.resultOf(s)
		was := result.Outcome
		done := seen.has(s)
		result.Err = trillian.Confirm(result.Err, func() (bool, error) { return done, nil })
		switch {
		case was == Kept:
		case was == Done && !done:
			result.Outcome, result.Err = Failed, errors.New("the server answered that it was done, and does not show it")
		case done:
			result.Outcome, result.Err = Done, nil
		case was == Unknown:
			result.Outcome = Failed
			coming[s.Address] = s.Action == Create
			again = append(again, s)
		case errors.Is(result.Err, errNotThere) && (coming[s.Address] || r.isThere(s)):
			again = append(again, s)
		}
		if result.Outcome != was {
			r.keep(result)
		}
	}
	return again, nil
}
