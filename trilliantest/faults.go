package trilliantest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong with a request. Faults that are injected
// together happen to the same request.
type Fault struct {
	text  string
	apply func(*plan)
}

// plan is what happens to one request.
type plan struct {
	injection *Injection // nil: nothing goes wrong

	status      int // instead of the operation's, 0 for none
	header      http.Header
	replaced    bool // the body is not the operation's
	body        string
	contentType string
	carryOut    bool // the operation is carried out although its answer is not sent

	delay      time.Duration
	late       time.Duration // the operation is carried out then, 0 for at its turn
	dropBefore bool
	dropAfter  bool
	uploadCut  int64 // bytes of the request's body that are read, -1 for all
	cut        int
	length     int
	pieceSize  int
	pause      time.Duration
}

func newPlan(i *Injection) *plan {
	p := &plan{injection: i, header: http.Header{}, uploadCut: -1, cut: -1, length: -1}
	if i != nil {
		for _, f := range i.faults {
			f.apply(p)
		}
	}
	return p
}

// canned reports whether the answer is not that of the operation.
func (p *plan) canned() bool { return p.status != 0 || p.replaced }

// answer is the one that comes instead of the operation's.
func (p *plan) answer() *answer {
	status := p.status
	if status == 0 {
		status = http.StatusOK
	}
	var a *answer
	switch {
	case p.replaced:
		a = newAnswer(status)
		a.header.Set("Content-Type", p.contentType)
		a.body = []byte(p.body)
	case status >= 400:
		a = (&problem{status: status, text: strings.ToLower(http.StatusText(status))}).answer()
	default:
		a = newAnswer(status)
	}
	return a
}

// spoil does to an answer what the plan has for it.
func (p *plan) spoil(a *answer) {
	for name, values := range p.header {
		a.header[name] = values
	}
	a.drop = a.drop || p.dropAfter
	a.cut, a.length, a.pieceSize, a.pause = p.cut, p.length, p.pieceSize, p.pause
}

func fault(apply func(*plan), format string, args ...any) Fault {
	return Fault{text: fmt.Sprintf(format, args...), apply: apply}
}

// String is the fault as it is written in code.
func (f Fault) String() string { return f.text }

// Status answers with a status, without carrying the operation out.
func Status(code int) Fault {
	if code < 200 || code > 599 {
		panic(fmt.Sprintf("trilliantest: Status(%d) is not the status of an answer", code))
	}
	return fault(func(p *plan) { p.status = code }, "Status(%d)", code)
}

// RetryAfter adds a Retry-After header, in whole seconds. Without a [Status] the
// answer is 429.
func RetryAfter(wait time.Duration) Fault {
	seconds := int64((wait + time.Second - 1) / time.Second)
	return fault(func(p *plan) {
		p.header.Set("Retry-After", strconv.FormatInt(seconds, 10))
		if p.status == 0 {
			p.status = http.StatusTooManyRequests
		}
	}, "RetryAfter(%v)", wait)
}

// Body answers with a text instead of the operation's answer, with 200 unless
// there is a [Status] too, without carrying the operation out: as a proxy does
// that lets nobody through.
func Body(contentType, text string) Fault {
	return fault(func(p *plan) { p.replaced, p.body, p.contentType = true, text, contentType }, "Body(%q, %d bytes)", contentType, len(text))
}

// Redirect answers with a redirect to a location, without carrying the operation
// out. The code is 301, 302, 303, 307 or 308.
func Redirect(code int, location string) Fault {
	status := Status(code)
	return fault(func(p *plan) {
		status.apply(p)
		p.header.Set("Location", location)
	}, "Redirect(%d, %q)", code, location)
}

// Header sets a header of the answer. By itself it changes nothing else.
func Header(name, value string) Fault {
	return fault(func(p *plan) { p.header.Set(name, value) }, "Header(%q, %q)", name, value)
}

// CarriedOut carries the operation out although a [Status], [Body] or [Redirect]
// is answered: a gateway that gave up waiting.
func CarriedOut() Fault {
	return fault(func(p *plan) { p.carryOut = true }, "CarriedOut()")
}

// Delay waits before the operation is carried out and answered. If the client
// goes away or the server is closed in the meantime, it is not carried out. With
// [CarriedOut] or [DropAfter] the wait comes after.
func Delay(wait time.Duration) Fault {
	return fault(func(p *plan) { p.delay = wait }, "Delay(%v)", wait)
}

// CarriedOutLate carries the operation out after a wait, even if the client goes
// away in the meantime; only closing the server, or [DropUpload], prevents it. A client
// that stays is answered then. The answer of a [Status], [Body] or [Redirect] waits only
// with [CarriedOut], the end of the connection by [DropBefore] never.
func CarriedOutLate(wait time.Duration) Fault {
	return fault(func(p *plan) { p.late = max(wait, 1) }, "CarriedOutLate(%v)", wait)
}

// DropBefore ends the connection before the operation is carried out.
func DropBefore() Fault { return fault(func(p *plan) { p.dropBefore = true }, "DropBefore()") }

// DropAfter carries the operation out and ends the connection without an answer.
func DropAfter() Fault {
	return fault(func(p *plan) { p.dropAfter, p.carryOut = true, true }, "DropAfter()")
}

// DropUpload ends the connection after n bytes of the request's body, without
// carrying the operation out.
func DropUpload(n int64) Fault {
	return fault(func(p *plan) { p.uploadCut = n }, "DropUpload(%d)", n)
}

// Truncate carries the operation out and ends the connection after n bytes of the
// answer's body, whose Content-Length is that of the whole. Of a shorter body all
// but the last byte is sent; an answer without one is not sent at all.
func Truncate(n int) Fault {
	return fault(func(p *plan) { p.cut = max(n, 0) }, "Truncate(%d)", n)
}

// WrongContentLength announces n bytes, whatever the answer's body has. It is
// sent whole where n is less, and where n is more the connection then ends.
func WrongContentLength(n int) Fault {
	return fault(func(p *plan) { p.length = max(n, 0) }, "WrongContentLength(%d)", n)
}

// SlowBody sends the answer's body n bytes at a time, with a pause before each.
func SlowBody(n int, pause time.Duration) Fault {
	return fault(func(p *plan) { p.pieceSize, p.pause = max(n, 1), pause }, "SlowBody(%d, %v)", n, pause)
}

// Injection is a fault, or several at once, that waits for its requests.
type Injection struct {
	server  *Server
	pattern pattern
	faults  []Fault
	skip    int
	every   int
	left    int // -1: without end
	met     int
}

// Inject lets the next request that matches the pattern meet the faults, once
// unless Times or Always say otherwise. Of several injections that a request
// matches, the one that was injected first has it, until it is used up.
//
// A pattern is a method, which may be missing, and a path below the base URL, as
// in "POST /users/{user}/messages/". {name} stands for one segment, {name...} at
// the end for all the rest, and what is between the slashes may be escaped or not.
// Where the path is an operation's, with a {name} or a value for each of its names,
// that operation is meant and no other: "POST /groupchats/{chat}/{member}/" adds a
// member, and POST /groupchats/{chat}/messages/ does not match it. Other paths may
// stand for several, as "GET /{resource}/" does for all the lists.
//
// Unlike net/http's, a pattern that ends in a slash matches that path only, and
// GET does not stand for HEAD. One that can match no operation ends the test; see
// [CheckPattern].
//
// net/http repeats a GET or HEAD by itself if the connection ends before the
// answer and had been used before: two requests then come from one attempt.
func (s *Server) Inject(pattern string, faults ...Fault) *Injection {
	if s.tb != nil {
		s.tb.Helper()
	}
	p := s.mustParse(pattern)
	if len(faults) == 0 {
		s.fatal(fmt.Errorf("trilliantest: Inject(%q) has no faults", pattern))
	}
	if slices.ContainsFunc(faults, func(f Fault) bool { return f.apply == nil }) {
		s.fatal(fmt.Errorf("trilliantest: Inject(%q) has a Fault that is empty", pattern))
	}
	i := &Injection{server: s, pattern: p, faults: faults, every: 1, left: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injections = append(s.injections, i)
	return i
}

// Times lets n requests meet the faults.
func (i *Injection) Times(n int) *Injection { return i.set(func() { i.left = max(n, 0) }) }

// Always lets all requests meet the faults. One must.
func (i *Injection) Always() *Injection { return i.set(func() { i.left = -1 }) }

// After lets the first n requests that match pass: to be answered 401 from the
// fourth on is Inject("/{any...}", Status(401)).After(3).Always().
func (i *Injection) After(n int) *Injection { return i.set(func() { i.skip = max(n, 0) }) }

// Every lets only every n-th request that matches meet the faults, the n-th being
// the first: a connection that loses one answer in ten is
// Inject("/{any...}", DropAfter()).Every(10).Always().
func (i *Injection) Every(n int) *Injection {
	return i.set(func() { i.every, i.skip = max(n, 1), i.skip+max(n, 1)-1 })
}

func (i *Injection) set(change func()) *Injection {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	change()
	return i
}

// Met returns how many requests have met the faults.
func (i *Injection) Met() int {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	return i.met
}

// String is the injection as it is written in code.
func (i *Injection) String() string { return i.pattern.text + " " + faultTexts(i.faults) }

func faultTexts(faults []Fault) string {
	texts := make([]string, len(faults))
	for i, f := range faults {
		texts[i] = f.text
	}
	return strings.Join(texts, " ")
}

// Unconsumed returns a text for every injection that has not had all its
// requests yet.
func (s *Server) Unconsumed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, i := range s.injections {
		switch {
		case i.left > 0:
			texts = append(texts, fmt.Sprintf("%v (met by %d of %d requests)", i, i.met, i.met+i.left))
		case i.left < 0 && i.met == 0:
			texts = append(texts, fmt.Sprintf("%v (met by no request)", i))
		}
	}
	return texts
}

// nextPlan takes what is injected for a request. s.mu is held.
func (s *Server) nextPlan(method, path string) *plan {
	var segments []string
	for _, i := range s.injections {
		if i.left == 0 {
			continue
		}
		if segments == nil {
			segments = splitPath(path)
		}
		if !i.pattern.matches(method, segments) {
			continue
		}
		if i.skip > 0 {
			i.skip--
			continue
		}
		if i.left > 0 {
			i.left--
		}
		i.skip = i.every - 1
		i.met++
		return newPlan(i)
	}
	return newPlan(nil)
}
