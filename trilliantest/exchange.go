package trilliantest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// exchange is what happens to a request, however it came: it is recorded, meets
// what was injected, and is carried out. base is the base URL it was sent to.
func (s *Server) exchange(r *http.Request, base string) *answer {
	path, below := strings.CutPrefix(r.URL.EscapedPath(), s.basePath)
	query, queryErr := url.ParseQuery(r.URL.RawQuery)
	tokens := query[tokenParam]
	delete(query, tokenParam)

	scrub := tokenScrubber(append(tokens, s.token))
	rec := &Request{
		Method: r.Method, Path: scrub(path), Form: url.Values{}, Query: url.Values{},
		Header: recordedHeader(r.Header, scrub), below: below, sizes: map[string]int64{},
	}
	rec.recordedValues(rec.Query, query, nil, scrub)
	rec.recordedValues(rec.Form, query, nil, scrub)

	c := &call{query: query, base: base}
	var where *route
	pathErr := errNothing
	if below {
		where, c.args, pathErr = findRoute(path)
	}

	s.mu.Lock()
	var authErr error
	c.sender, authErr = s.authenticate(tokens, r.Method, where, rec)
	plan := newPlan(nil)
	if below {
		plan = s.nextPlan(r.Method, path)
	}
	if plan.injection != nil {
		rec.Fault = faultTexts(plan.injection.faults)
	}
	s.record(rec)
	s.mu.Unlock()

	if plan.uploadCut >= 0 && r.Body != nil {
		_, _ = io.CopyN(io.Discard, r.Body, plan.uploadCut)
		return s.dropped()
	}
	c.form = readForm(r, where != nil && where.takesFile, maxBody)
	s.mu.Lock()
	rec.recordedValues(rec.Form, c.form.values, c.form.sizes, scrub)
	s.mu.Unlock()

	perform := func() *answer {
		return s.perform(r.Method, where, c, errors.Join(queryProblem(queryErr), authErr, pathErr))
	}
	a := s.follow(r.Context(), plan, perform)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !a.drop {
		rec.Status = a.status
	}
	return a
}

func (s *Server) dropped() *answer {
	a := newAnswer(0)
	a.drop = true
	return a
}

// follow does what a plan says, in the order of a network's failures.
func (s *Server) follow(ctx context.Context, p *plan, perform func() *answer) *answer {
	if p.late > 0 {
		perform = s.performLate(ctx, p.late, perform)
	}
	if p.dropBefore {
		return s.dropped()
	}
	var a *answer
	if p.carryOut {
		if a = perform(); a.drop {
			return a
		}
	}
	if p.delay > 0 && !s.wait(ctx, p.delay) {
		return s.dropped()
	}
	switch {
	case p.canned():
		a = p.answer()
	case a == nil:
		a = perform()
	}
	p.spoil(a)
	return a
}

// performLate lets an operation be carried out after a wait, whatever becomes of
// the request. The function that it returns waits for the answer.
func (s *Server) performLate(ctx context.Context, wait time.Duration, perform func() *answer) func() *answer {
	answered := make(chan *answer, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done: // Close waits for no more
	default:
		s.late.Go(func() {
			if s.wait(context.WithoutCancel(ctx), wait) {
				answered <- perform()
			}
		})
	}
	return func() *answer {
		select {
		case a := <-answered:
			return a
		case <-ctx.Done():
		case <-s.done:
		}
		return s.dropped()
	}
}

// wait reports whether the time passed before the request ended.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

func queryProblem(err error) error {
	if err == nil {
		return nil
	}
	return badRequest("the query cannot be read")
}

// authenticate finds out whose token a request came with. s.mu is held.
func (s *Server) authenticate(tokens []string, method string, where *route, rec *Request) (sender string, err error) {
	if len(tokens) != 1 {
		return "", unauthorized("the URL has no token, or more than one")
	}
	if tokens[0] == s.token {
		rec.User = Administrator
		return "", nil
	}
	user := s.users[tokens[0]]
	if user == "" || s.state.users.get(user) == nil {
		return "", unauthorized("the token is not valid")
	}
	rec.User = user
	reads := method == http.MethodGet || method == http.MethodHead
	if !reads && (where == nil || !where.sends || method != http.MethodPost) {
		return "", unauthorized("a user's own token may read and send messages")
	}
	return user, nil
}

// perform carries an operation out.
func (s *Server) perform(method string, where *route, c *call, err error) *answer {
	var serve handler
	if err == nil {
		serve, err = where.handler(method)
	}
	if err == nil {
		err = c.form.err
	}
	if err == nil {
		c.now = s.clock().UnixMilli()
		var a *answer
		s.mu.Lock()
		a, err = serve(s.state, c)
		s.mu.Unlock()
		if err == nil {
			return a
		}
	}
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = &problem{status: http.StatusInternalServerError, text: err.Error()}
	}
	return p.answer()
}
