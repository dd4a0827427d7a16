package board

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.ParseFS(assets, "assets/board.html"))

// Board is a page that shows people. It is served on the own machine only, at a
// path that nobody guesses: other users of the machine reach its ports too.
type Board struct {
	listener net.Listener
	secret   string
	hosts    []string // that a request may name

	mu      sync.Mutex
	state   state
	changed chan struct{} // closed when state changes
}

// state is what a browser is sent.
type state struct {
	people  []byte // a JSON string of HTML
	version int    // of people
	notice  []byte // JSON: when people was read last, and what is wrong since
	html    template.HTML
}

// notice is told at every poll.
type notice struct {
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"`
}

// Listen makes a board at an address, which must be a loopback one. Close it, or
// Serve it.
func Listen(address string) (*Board, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.New("want an address and a port, such as 127.0.0.1:0")
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, errors.New("the board is for this machine alone: want a loopback address, such as 127.0.0.1:0")
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	at := listener.Addr().(*net.TCPAddr)
	b := &Board{listener: listener, secret: rand.Text(), changed: make(chan struct{})}
	for _, host := range []string{at.IP.String(), "127.0.0.1", "::1", "localhost"} {
		b.hosts = append(b.hosts, net.JoinHostPort(host, strconv.Itoa(at.Port)))
	}
	b.state.notice = []byte("{}")
	return b, nil
}

// Close stops listening.
func (b *Board) Close() error { return b.listener.Close() }

// URL is where the page is.
func (b *Board) URL() string { return "http://" + b.hosts[0] + "/" + b.secret + "/" }

// Show puts the people, or what kept them from being read, on the page. It is a
// function for Poll.
func (b *Board) Show(people []Person, readErr error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.state
	if readErr == nil {
		next.notice = mustJSON(notice{At: time.Now()})
		var html bytes.Buffer
		if err := pages.ExecuteTemplate(&html, "people", groupsOf(people)); err != nil {
			readErr = err
		} else if text := mustJSON(html.String()); !bytes.Equal(text, next.people) {
			next.people, next.html, next.version = text, template.HTML(html.String()), next.version+1
		}
	}
	if readErr != nil {
		var last notice
		_ = json.Unmarshal(b.state.notice, &last)
		next.notice = mustJSON(notice{At: last.At, Error: readErr.Error()})
	}
	b.state = next
	close(b.changed)
	b.changed = make(chan struct{})
	return true
}

// mustJSON has < and line ends escaped, as what stands in an event must be.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // neither a string nor a notice can fail
	}
	return text
}

// current is the state, and what is closed when there is another.
func (b *Board) current() (state, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.changed
}

// groups are the people and how many have each status.
type groups struct {
	People []Person
	Counts []count
}

type count struct {
	Class, Status string
	People        int
}

func groupsOf(people []Person) groups {
	g := groups{People: people, Counts: []count{
		{"online", "Online", 0}, {"away", "Away", 0}, {"busy", "Do not disturb", 0}, {"mobile", "Mobile", 0}, {"offline", "Offline", 0},
	}}
	for _, p := range people {
		for i := range g.Counts {
			if g.Counts[i].Class == p.Class {
				g.Counts[i].People++
			}
		}
	}
	return g
}

// policy lets the page have its own script and style, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP serves the page, its script and style, and its events.
func (b *Board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if !b.names(r.Host) { // another name that leads to this machine is another site's
		http.Error(w, "no such host", http.StatusMisdirectedRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "the board only shows", http.StatusMethodNotAllowed)
		return
	}
	switch path, ok := strings.CutPrefix(r.URL.Path, "/"+b.secret+"/"); {
	case !ok:
		http.NotFound(w, r)
	case path == "":
		b.servePage(w)
	case path == "events":
		b.serveEvents(w, r)
	case path == "board.js" || path == "board.css" || path == "icon.svg":
		http.ServeFileFS(w, r, assets, "assets/"+path)
	default:
		http.NotFound(w, r)
	}
}

func (b *Board) names(host string) bool {
	for _, known := range b.hosts {
		if strings.EqualFold(host, known) {
			return true
		}
	}
	return false
}

func (b *Board) servePage(w http.ResponseWriter) {
	now, _ := b.current()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.ExecuteTemplate(w, "board.html", now.html) // an error is the browser's having gone
}

// A browser that takes nothing for so long is gone.
const writeTimeout = 10 * time.Second

// serveEvents sends what changes until the browser or the board goes away. One that
// is slow is sent the latest, and not all.
func (b *Board) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	controller := http.NewResponseController(w)
	sent := 0
	for {
		now, changed := b.current()
		_ = controller.SetWriteDeadline(time.Now().Add(writeTimeout))
		if now.version > sent {
			fmt.Fprintf(w, "event: people\ndata: %s\n\n", now.people)
			sent = now.version
		}
		fmt.Fprintf(w, "event: notice\ndata: %s\n\n", now.notice)
		if err := controller.Flush(); err != nil {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// Serve serves the board until the context ends.
func (b *Board) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler: b, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, // ends the events
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(b.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
