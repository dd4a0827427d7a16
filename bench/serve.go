package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// What a serving child serves.
const (
	serveMedia   = "media"   // takes everything and keeps nothing, and hands out files
	serveHistory = "history" // weeks of messages, each after a delay
	serveAnswers = "answers" // the canned ones
)

// serverStats is what a serving child has seen since it was last asked.
type serverStats struct {
	Connections int64
	Received    int64 // bytes of the last body
}

// counters are serverStats while they change.
type counters struct{ connections, received atomic.Int64 }

func (c *counters) take() serverStats {
	return serverStats{Connections: c.connections.Swap(0), Received: c.received.Swap(0)}
}

// serveChild serves t.Mode until standard input ends.
func serveChild(t task) error {
	var seen counters
	var handler http.Handler
	switch t.Mode {
	case serveMedia:
		handler = media(&seen)
	case serveHistory:
		handler = history(messageDocument(t.Size, vocabularies...), t.Weeks, t.Delay)
	case serveAnswers:
		handler = http.HandlerFunc(serveAnswer)
	default:
		return errors.New("nothing of that name to serve")
	}
	url, _, err := listen(handler, &seen)
	if err != nil {
		return err
	}
	stats, _, err := listen(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(seen.take())
	}), &counters{})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(addresses{URL: url, Stats: stats}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// listen serves on a free port of the loopback interface, until stop, and
// returns its URL.
func listen(handler http.Handler, seen *counters) (url string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Minute,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				seen.connections.Add(1)
			}
		},
	}
	go s.Serve(l) //nolint:errcheck // it ends with the process
	return "http://" + l.Addr().String() + "/", s.Close, nil
}

func media(seen *counters) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/users/{user}/media/", func(w http.ResponseWriter, r *http.Request) {
		if n, err := discard(r.Body); err == nil {
			seen.received.Store(n)
			writeXML(w, []byte("<response/>"))
		}
	})
	block := make([]byte, 256<<10)
	fill(block, newRand(1))
	mux.HandleFunc("GET /v1/users/{user}/media/{size}/", func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.ParseInt(r.PathValue("size"), 10, 64)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Content-Length", r.PathValue("size"))
		for err == nil && size > 0 {
			var n int
			n, err = w.Write(block[:min(size, int64(len(block)))])
			size -= int64(n)
		}
	})
	return mux
}

// discard reads to the end and tells how much it was.
func discard(r io.Reader) (received int64, err error) {
	buf := make([]byte, 256<<10) // io.Copy's smaller ones would slow down the fastest
	for {
		n, err := r.Read(buf)
		received += int64(n)
		if err == io.EOF {
			return received, nil
		}
		if err != nil {
			return received, err
		}
	}
}

func history(week []byte, weeks int, delay time.Duration) http.Handler {
	list := weekList(weeks)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		if isWeekList(r) {
			writeXML(w, list)
		} else {
			writeXML(w, week)
		}
	})
}

func isWeekList(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/messages/") }

// weekList lists so many weeks of one conversation.
func weekList(weeks int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<response> <messages conversation="%s">`, week.Conversation)
	for i := range weeks {
		fmt.Fprintf(&b, `<week year="%d" week="%d"/>`, 2016+i/52, i%52)
	}
	b.WriteString("</messages></response>")
	return b.Bytes()
}

func writeXML(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// stats asks the server what it has seen since it was last asked.
func (s *server) stats() (seen serverStats, err error) {
	resp, err := http.Get(s.Stats)
	if err != nil {
		return seen, err
	}
	defer resp.Body.Close()
	return seen, json.NewDecoder(resp.Body).Decode(&seen)
}
