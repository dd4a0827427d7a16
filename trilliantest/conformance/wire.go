package conformance

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// exchange is a request and its answer as they went over the wire.
type exchange struct {
	verb   string
	path   string // escaped, below the base URL
	status int    // 0 where no answer came
	body   []byte // as far as it was read
}

// recorder is a middleware that keeps the latest exchanges.
type recorder struct {
	mu     sync.Mutex
	base   string      // the base URL's path
	latest []*exchange // the newest comes first
}

// kept is how many exchanges one call may make: with retries, and a PATCH that is
// made a POST.
const kept = 10

func (r *recorder) below(baseURL string) error {
	u, err := url.Parse(baseURL)
	if err == nil {
		r.base = u.EscapedPath()
	}
	return err
}

// last is the latest exchange.
func (r *recorder) last() *exchange {
	if x := r.find(func(*exchange) bool { return true }); x != nil {
		return x
	}
	return &exchange{}
}

// find is the latest of the exchanges that are meant, or nil.
func (r *recorder) find(isMeant func(*exchange) bool) *exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.latest, isMeant); i >= 0 {
		return r.latest[i]
	}
	return nil
}

func (r *recorder) keep(x *exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = slices.Insert(r.latest, 0, x)
	r.latest = r.latest[:min(len(r.latest), kept)]
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// around records what goes through a transport.
func (r *recorder) around(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		x := &exchange{verb: req.Method, path: strings.TrimPrefix(req.URL.EscapedPath(), r.base)}
		r.keep(x)
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		x.status = resp.StatusCode
		resp.Body = &tee{ReadCloser: resp.Body, to: x}
		return resp, nil
	})
}

// tee keeps what is read of a body.
type tee struct {
	io.ReadCloser
	to *exchange
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.to.body = append(t.to.body, p[:n]...)
	return n, err
}

// node is an element of any name.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []*node    `xml:",any"`
}

// xml reads an answer, whose root must be <response>.
func (x *exchange) xml() (*node, error) {
	var root node
	d := xml.NewDecoder(bytes.NewReader(x.body))
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("it is not XML: %w", err)
	}
	if root.XMLName.Local != "response" {
		return nil, fmt.Errorf("its root is <%s>", root.XMLName.Local)
	}
	return &root, nil
}

func (n *node) attr(name string) (string, bool) {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// all returns the elements of the name, one below another at the end of a path.
func (n *node) all(path ...string) []*node {
	if len(path) == 0 {
		return []*node{n}
	}
	var found []*node
	for _, child := range n.Nodes {
		if child.XMLName.Local == path[0] {
			found = append(found, child.all(path[1:]...)...)
		}
	}
	return found
}

// count returns how many elements an answer has at the end of a path below
// <response>.
func (x *exchange) count(path ...string) int {
	root, err := x.xml()
	if err != nil {
		return 0
	}
	return len(root.all(path...))
}

// mentions reports whether a text stands anywhere in an answer, as an element's
// or an attribute's: for answers that the reference does not show.
func (x *exchange) mentions(text string) bool {
	root, err := x.xml()
	return err == nil && root.mentions(text)
}

func (n *node) mentions(text string) bool {
	if strings.TrimSpace(n.Text) == text {
		return true
	}
	for _, a := range n.Attrs {
		if a.Value == text {
			return true
		}
	}
	for _, child := range n.Nodes {
		if child.mentions(text) {
			return true
		}
	}
	return false
}
