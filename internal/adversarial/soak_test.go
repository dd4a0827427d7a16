package adversarial

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

var soak = flag.Duration("soak", 0, "how long TestSoak runs; 0 skips it")

const (
	soakWorkers = 16
	soakFaults  = 0.04
)

// soakServer carries out sends, each with an id of its own as its text, and
// fails one request in twenty-five in one of the ways that networks know.
type soakServer struct {
	*httptest.Server
	done   sync.Map // id → *atomic.Int32, how often it was carried out
	faults [12]atomic.Int64
	conns  atomic.Int64 // open now
}

func newSoakServer(t testing.TB) *soakServer {
	t.Helper()
	s := &soakServer{}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.conns.Add(-1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *soakServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := -1
	if rand.Float64() < soakFaults {
		fault = rand.IntN(len(s.faults))
		s.faults[fault].Add(1)
	}
	if fault == 0 {
		panic(http.ErrAbortHandler) // before anything is read
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	refusals := map[int]int{1: 408, 2: 429, 3: 500, 4: 502, 5: 503, 6: 504, 7: 404}
	if status, ok := refusals[fault]; ok {
		if fault == 5 {
			w.Header().Set("Retry-After", "0")
		}
		w.WriteHeader(status)
		return
	}
	answer := s.carryOut(r, string(body))
	switch fault {
	case 8: // done, and never answered
		panic(http.ErrAbortHandler)
	case 9: // done, and answered in part
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = io.WriteString(w, answer[:len(answer)/2])
		return
	case 10:
		answer = "<html><body>Welcome to the hotel</body></html>"
	case 11:
		time.Sleep(20 * time.Millisecond)
	}
	_, _ = io.WriteString(w, answer)
}

func (s *soakServer) carryOut(r *http.Request, body string) string {
	if r.Method != http.MethodPost {
		return "<response> <messages> " + strings.Repeat(`<message timestamp="1464200972389" from="smw@cerulean-inc.com">Hello</message>`, 20) + "</messages></response>"
	}
	form, _ := url.ParseQuery(body)
	times, _ := s.done.LoadOrStore(form.Get("message"), new(atomic.Int32))
	times.(*atomic.Int32).Add(1)
	return `<response> <message timestamp="1464201252102" from="smw@cerulean-inc.com">` + form.Get("message") + `</message></response>`
}

// TestSoak sends and reads from many goroutines through a network that fails.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("takes as long as -soak says")
	}
	server := newSoakServer(t)
	before := runtime.NumGoroutine()
	base := &http.Transport{MaxIdleConnsPerHost: soakWorkers}
	client := newClient(t, server.URL, fast, trillian.WithHTTPClient(&http.Client{Transport: base}))

	var calls, failures, next atomic.Int64
	end := time.Now().Add(*soak)
	var workers sync.WaitGroup
	for range soakWorkers {
		workers.Go(func() {
			for time.Now().Before(end) {
				calls.Add(1)
				if err := soakCall(t, client, next.Add(1)); err != nil {
					failures.Add(1)
				}
			}
		})
	}
	time.Sleep(*soak / 4)
	early := heap()
	workers.Wait()
	// The ids the server keeps grow with the run; what the client keeps must not.
	sent := 0
	server.done.Range(func(id, times any) bool {
		sent++
		require.Equal(t, int32(1), times.(*atomic.Int32).Load(), "message %v was carried out more than once", id)
		return true
	})
	server.done.Clear()
	late := heap()
	faults := int64(0)
	for i := range server.faults {
		n := server.faults[i].Load()
		require.Positive(t, n, "fault %d never happened", i)
		faults += n
	}
	base.CloseIdleConnections() // a transport that was given is its owner's
	require.Eventually(t, func() bool { return server.conns.Load() == 0 && runtime.NumGoroutine() <= before+1 }, 5*time.Second, 10*time.Millisecond,
		"connections and goroutines are back where they were")
	require.Less(t, late, early*3/2+8<<20, "the heap grew")
	t.Logf("%d calls, %d faults, %d calls failed, %d messages carried out, none twice; heap %d KiB early, %d KiB late",
		calls.Load(), faults, failures.Load(), sent, early>>10, late>>10)
}

func soakCall(t *testing.T, client *trillian.Client, n int64) error {
	if n%2 == 0 {
		messages, err := client.Users.Messages.List(t.Context(), smw, week20)
		if err == nil && len(messages) != 20 {
			t.Errorf("a week of %d messages", len(messages))
		}
		return err
	}
	id := fmt.Sprintf("message %d", n)
	message, err := client.Users.Messages.Send(t.Context(), kwk, trillian.MessageSend{From: smw, Text: id})
	if err == nil && message.Text != id {
		t.Errorf("sent %q, got %q", id, message.Text)
	}
	return err
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
