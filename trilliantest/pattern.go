package trilliantest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// pattern says which requests are meant.
type pattern struct {
	text     string
	method   string // "" for all
	segments []string
	rest     bool   // the path may go on
	route    *route // the one that it has all the words and all the :names of; nil where there is none
}

// CheckPattern says what is wrong with a pattern that [Server.Inject] and
// [Server.RequestsTo] would refuse: one that cannot be read, and one that no
// operation of the API can ever match, which is a slip of the pen. It returns nil
// for a good one.
func CheckPattern(pattern string) error {
	_, err := parsePattern(pattern)
	return err
}

// mustParse ends the test for a pattern that is wrong.
func (s *Server) mustParse(text string) pattern {
	if s.tb != nil {
		s.tb.Helper()
	}
	p, err := parsePattern(text)
	if err != nil {
		s.fatal(err)
	}
	return p
}

func parsePattern(text string) (pattern, error) {
	p := pattern{text: text}
	method, path, ok := strings.Cut(text, " ")
	if !ok {
		method, path = "", text
	}
	path = strings.TrimSpace(path)
	if !strings.HasPrefix(path, "/") {
		return p, p.wrong("has no path that begins with a slash")
	}
	p.method = method
	p.segments = splitPath(path[1:])
	for i, s := range p.segments {
		last := i == len(p.segments)-1
		if !strings.HasPrefix(s, "{") {
			continue
		}
		name, ok := strings.CutSuffix(s[1:], "}")
		name, rest := strings.CutSuffix(name, "...")
		if !ok || name == "" || !last && (rest || name == "$") {
			return p, p.wrong("has the bad segment %q", s)
		}
		switch {
		case name == "$":
			p.segments[i] = ""
		case rest:
			p.rest, p.segments = true, p.segments[:i]
		}
	}
	if !p.rest {
		p.route, _ = routeOf(p.segments) // where a {name} is no word of the path
	}
	return p, p.check()
}

func (p *pattern) wrong(format string, args ...any) error {
	return fmt.Errorf("trilliantest: the pattern %q "+format, append([]any{p.text}, args...)...)
}

// check finds out whether there is an operation that the pattern can match.
func (p *pattern) check() error {
	verbs := p.verbs()
	switch {
	case len(verbs) == 0 && p.unended().verbs() != nil:
		return p.wrong("matches the path of no operation: all of them end in a slash, as in %q", p.text+"/")
	case len(verbs) == 0:
		return p.wrong("matches the path of no operation")
	case p.method != "" && !slices.Contains(verbs, p.method):
		return p.wrong("matches no operation: there is only %s", strings.Join(verbs, ", "))
	}
	return nil
}

// unended is the pattern with the final slash that it lacks.
func (p pattern) unended() *pattern {
	p.segments = append(slices.Clone(p.segments), "")
	return &p
}

// verbs are those of all the operations whose paths the pattern can match.
func (p *pattern) verbs() []string {
	var verbs []string
	for _, r := range routes {
		// A path that both can match may yet be that of another route: with the
		// word "members" in the place of a :member, it is the list's.
		path := p.pathOf(r)
		if p.matches(p.method, path) {
			if found, _ := routeOf(path); found == r {
				verbs = append(verbs, r.allowed()...)
			}
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}

// pathOf is a path of a route, with the pattern's words in the place of its :names.
func (p *pattern) pathOf(r *route) []string {
	path := slices.Clone(r.segments)
	for i, s := range path {
		if !strings.HasPrefix(s, ":") {
			continue
		}
		path[i] = "any"
		if i < len(p.segments) && !strings.HasPrefix(p.segments[i], "{") {
			path[i] = p.segments[i]
		}
	}
	return path
}

// splitPath takes the escapes off the segments of a path.
func splitPath(path string) []string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[i] = plain
		}
	}
	return segments
}

func (p *pattern) matches(method string, segments []string) bool {
	if p.method != "" && p.method != method {
		return false
	}
	if len(segments) < len(p.segments) || !p.rest && len(segments) > len(p.segments) {
		return false
	}
	for i, want := range p.segments {
		if strings.HasPrefix(want, "{") && segments[i] != "" {
			continue
		}
		if want != segments[i] {
			return false
		}
	}
	if p.route == nil {
		return true
	}
	r, _ := routeOf(segments)
	return r == p.route
}
