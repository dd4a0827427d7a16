package trilliantest

import (
	"fmt"
	"net/http"
	"strconv"
)

// Handler returns the server as a handler of requests below the path of its base
// URL, for a listener or a TLS configuration of your own. Links in its answers go
// to the host that the request names.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	select {
	case <-s.done:
		panic(http.ErrAbortHandler)
	default:
	}
	a := s.exchange(r, scheme+r.Host+s.basePath)
	out := a.onWire(r.Method)
	if out.lost {
		panic(http.ErrAbortHandler)
	}
	if out.tooLong && sendRaw(w, a, out) {
		return
	}
	s.send(w, r, a, out)
}

// wireForm is what of an answer is sent.
type wireForm struct {
	length  int // the Content-Length, -1 for none
	body    []byte
	lost    bool // nothing is sent
	broken  bool // the connection ends after the body
	tooLong bool // the body is longer than the Content-Length
}

func (a *answer) onWire(method string) wireForm {
	out := wireForm{length: len(a.body), body: a.body, lost: a.drop}
	bodiless := a.status == http.StatusNoContent || a.status == http.StatusNotModified
	if bodiless {
		out.length = -1
	}
	if a.length >= 0 && !bodiless {
		out.length = a.length
		out.broken = a.length > len(a.body)
		out.tooLong = a.length < len(a.body)
	}
	if bodiless || method == http.MethodHead {
		out.body, out.broken, out.tooLong = nil, false, false
	}
	if a.cut >= 0 {
		out.lost = out.lost || len(out.body) == 0
		out.broken, out.tooLong = true, false
		out.body = out.body[:max(0, min(a.cut, len(out.body)-1))]
	}
	return out
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, a *answer, out wireForm) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	if out.tooLong {
		out.body = out.body[:out.length] // no more can be sent here
	}
	if out.length >= 0 {
		h.Set("Content-Length", strconv.Itoa(out.length))
	}
	w.WriteHeader(a.status)
	controller := http.NewResponseController(w)
	for body := out.body; len(body) > 0; {
		piece := body
		if a.pieceSize > 0 {
			_ = controller.Flush() // the headers too are sent before the pause
			if !s.wait(r.Context(), a.pause) {
				panic(http.ErrAbortHandler)
			}
			piece = body[:min(a.pieceSize, len(body))]
		}
		if _, err := w.Write(piece); err != nil {
			panic(http.ErrAbortHandler)
		}
		body = body[len(piece):]
	}
	if out.broken {
		_ = controller.Flush()
		panic(http.ErrAbortHandler)
	}
}

// sendRaw sends a body that is longer than announced, which net/http would not.
func sendRaw(w http.ResponseWriter, a *answer, out wireForm) bool {
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	fmt.Fprintf(buf, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	h := a.header.Clone()
	h.Set("Content-Length", strconv.Itoa(out.length))
	h.Set("Connection", "close")
	_ = h.Write(buf)
	_, _ = buf.WriteString("\r\n")
	_, _ = buf.Write(out.body)
	_ = buf.Flush()
	return true
}
