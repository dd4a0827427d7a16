package trilliantest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What is kept of requests: a value that is longer than longestRecorded is cut to
// maxRecorded bytes, and of very many requests only the latest stay.
const (
	longestRecorded = 64 << 10
	maxRecorded     = 1 << 10
	defaultKept     = 1 << 15
)

// Request is a request that the server was sent. It holds no token that came as
// one, and not the administrator's, wherever it came: "[token]" stands in its place.
type Request struct {
	Method string
	Path   string // escaped, below the base URL; with a leading slash where it is not below it

	// Form is the parameters of query and body, and Query those of the query.
	// A value of more than 64 KiB is cut to its first KiB.
	Form, Query url.Values

	Header http.Header // without those that hold credentials

	// User is whose token it was: a user's address, Administrator, or "" where it
	// was nobody's.
	User string

	// Status is what it was answered, 0 where it has not been, or never was.
	Status int

	// Fault is what had been injected for it, "" where nothing was.
	Fault string

	below bool             // the path is below the base URL
	sizes map[string]int64 // of the values that were cut
}

// Administrator is the [Request.User] of requests with the server's own token.
const Administrator = "administrator"

// Requests returns the requests in the order of their arrival: of very many the
// latest, as [WithKeptRequests] has it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = *r
		all[i].Form, all[i].Query = cloneValues(r.Form), cloneValues(r.Query)
		all[i].Header, all[i].sizes = r.Header.Clone(), maps.Clone(r.sizes)
	}
	return all
}

// RequestsTo returns those of [Server.Requests] that match a pattern, which is
// one of [Server.Inject]: RequestsTo("POST /users/{user}/messages/"). A pattern
// that can match no operation ends the test, since its requests would never come.
func (s *Server) RequestsTo(pattern string) []Request {
	if s.tb != nil {
		s.tb.Helper()
	}
	p := s.mustParse(pattern)
	return slices.DeleteFunc(s.Requests(), func(r Request) bool {
		return !r.below || !p.matches(r.Method, splitPath(r.Path))
	})
}

func cloneValues(v url.Values) url.Values {
	c := make(url.Values, len(v))
	for name, values := range v {
		c[name] = slices.Clone(values)
	}
	return c
}

// Log returns the latest 200 requests as a text, a line each, without secrets.
func (s *Server) Log() string { return s.latest(longestLog) }

// What is logged with a test that failed, and with one in which all that is wrong
// is a fault that was never met.
const (
	longestLog = 200
	unmetLog   = 20
)

func (s *Server) latest(n int) string {
	requests := s.Requests()
	s.mu.Lock()
	count := s.forgotten + len(requests)
	s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "trilliantest: requests to the server: %d", count)
	requests = requests[max(0, len(requests)-n):]
	if len(requests) < count {
		fmt.Fprintf(&b, ", the latest %d of them:", len(requests))
	}
	for i, r := range requests {
		fmt.Fprintf(&b, "\n%4d  %v", count-len(requests)+i+1, r)
	}
	return b.String()
}

// String is the request on one line: verb, path, whose token it had, parameters
// with secrets redacted and long values cut, and what it was answered.
func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Method, r.Path)
	for _, name := range slices.Sorted(maps.Keys(r.Form)) {
		for _, value := range r.Form[name] {
			fmt.Fprintf(&b, " %s=%s", name, r.show(name, value))
		}
	}
	fmt.Fprintf(&b, " (%s)", cmp.Or(r.User, "no valid token"))
	if r.Status == 0 {
		b.WriteString(" -> no answer")
	} else {
		fmt.Fprintf(&b, " -> %d %s", r.Status, http.StatusText(r.Status))
	}
	if r.Fault != "" {
		fmt.Fprintf(&b, " [injected: %s]", r.Fault)
	}
	return b.String()
}

// GoString is String: %#v must not show a password either.
func (r Request) GoString() string { return r.String() }

const longestShown = 100

func (r Request) show(name, value string) string {
	size := max(r.sizes[name], int64(len(value)))
	switch {
	case name == "password" || strings.Contains(name, "secret"):
		return "[redacted]"
	case size > longestShown:
		return fmt.Sprintf("<%d bytes>", size)
	case value == "" || strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c == '"' || c == 0x7F }):
		return fmt.Sprintf("%q", value)
	}
	return value
}

// record notes a request's arrival. s.mu is held.
func (s *Server) record(r *Request) {
	if len(s.requests) >= s.kept {
		n := (s.kept + 1) / 2
		s.requests = append([]*Request(nil), s.requests[n:]...)
		s.forgotten += n
	}
	s.requests = append(s.requests, r)
}

// credentials are the headers that are not kept.
var credentials = []string{"Authorization", "Proxy-Authorization", "Cookie"}

func recordedHeader(h http.Header, scrub func(string) string) http.Header {
	kept := make(http.Header, len(h))
	for name, values := range h {
		if slices.Contains(credentials, name) {
			continue
		}
		for _, v := range values {
			kept[name] = append(kept[name], scrub(v))
		}
	}
	return kept
}

// recordedValues adds the parameters to what is kept.
func (r *Request) recordedValues(to, values url.Values, sizes map[string]int64, scrub func(string) string) {
	for name, all := range values {
		for _, v := range all {
			switch {
			case name == tokenParam:
				v = tokenStandIn
			case len(v) > longestRecorded:
				r.sizes[name] = int64(len(v))
				v = strings.Clone(v[:maxRecorded])
			case sizes[name] > int64(len(v)):
				r.sizes[name] = sizes[name]
			}
			to.Add(scrub(name), scrub(v))
		}
	}
}

const (
	tokenParam   = "token"
	tokenStandIn = "[token]"
)

// tokenScrubber replaces tokens, plain and escaped.
func tokenScrubber(tokens []string) func(string) string {
	var pairs []string
	for i, t := range tokens {
		if len(t) < 8 || slices.Contains(tokens[:i], t) {
			continue // too short to be told from a word, or known
		}
		for _, form := range []string{t, url.QueryEscape(t), url.PathEscape(t), escapeSegment(t)} {
			pairs = append(pairs, form, tokenStandIn)
		}
	}
	if pairs == nil {
		return func(s string) string { return s }
	}
	return strings.NewReplacer(pairs...).Replace
}
