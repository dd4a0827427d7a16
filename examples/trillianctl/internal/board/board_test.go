package board

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const smw = "smw@cerulean-inc.com"

func device(name, ip string) trillian.Device {
	return trillian.Device{Name: name, Platform: "Windows", Version: "6.0", Build: "50", IP: trillian.DeviceIP{Addr: netip.MustParseAddr(ip)}}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	desk, phone := device("DESK", "10.0.0.1"), trillian.Device{Name: "Phone"}
	before := []trillian.Presence{
		{Name: "anna", Status: trillian.PresenceOnline, Devices: []trillian.Device{desk}},
		{Name: "ben", Status: trillian.PresenceAway, Message: "Lunch"},
		{Name: "carl", Status: trillian.PresenceOnline},
	}
	require.Equal(t, []Change{
		{"anna", "is", "", "Online"}, {"anna", "signed on", "", "DESK (Windows 6.0.50) at 10.0.0.1"},
		{"ben", "is", "", "Away: Lunch"}, {"carl", "is", "", "Online"},
	}, Changes(nil, before))
	require.Empty(t, Changes(before, before))
	after := []trillian.Presence{
		{Name: "dora", Status: 9},
		{Name: "ben", Status: trillian.PresenceAway, Message: "Dinner"},
		{Name: "anna", Status: trillian.PresenceDoNotDisturb, Message: "Writing", Devices: []trillian.Device{phone}},
	}
	require.Equal(t, []Change{
		{"dora", "is", "", "Status 9"},
		{"ben", "message", "Lunch", "Dinner"},
		{"anna", "status", "Online", "Do not disturb: Writing"},
		{"anna", "signed on", "", "Phone"}, {"anna", "signed off", "DESK (Windows 6.0.50) at 10.0.0.1", ""},
		{"carl", "gone", "Online", ""},
	}, Changes(before, after))
}

func TestPollWaitsLongerAfterErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var at []time.Duration
		begin := time.Now()
		Poll(ctx, 10*time.Second, func(context.Context) (int, error) {
			n := len(at)
			at = append(at, time.Since(begin))
			if n >= 2 && n < 12 {
				return 0, errors.New("an outage")
			}
			return n, nil
		}, func(n int, err error) bool { return n < 14 })
		require.Len(t, at, 15)
		for i := 1; i < len(at); i++ {
			waited := at[i] - at[i-1]
			switch {
			case i <= 2 || i > 12:
				require.Equal(t, 10*time.Second, waited)
			default:
				require.GreaterOrEqual(t, waited, 10*time.Second)
				require.LessOrEqual(t, waited, longestWait)
			}
		}
		require.Greater(t, at[12]-at[2], 150*time.Second, "ten waits were no longer than without errors")
	})
}

func TestPollEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	Poll(ctx, time.Hour, func(context.Context) (int, error) { return 0, nil }, func(int, error) bool { cancel(); return true })
}

func TestReaderNamesPeople(t *testing.T) {
	t.Parallel()
	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	srv.Inject("GET /users/", trilliantest.Status(403))
	r := Reader{Client: srv.Client()}
	people, err := r.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, smw, people[0].Name, "without a display name the address does")
	for range 11 {
		people, err := r.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, []Person{{
			Name: "SMW", Address: smw, Status: "Away", Class: "away", Message: "Away since 10:49 AM EDT",
			Since:   time.Unix(1464274162, 0).UTC(),
			Devices: []Device{{Name: "BONECRUSHER.D899F043", Kind: "Windows 6.0.50", IP: "192.168.1.138"}},
		}}, people)
	}
	require.Len(t, srv.RequestsTo("GET /presence/"), 12)
	require.Len(t, srv.RequestsTo("GET /users/"), 3)
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Anna Adams": "AA", "Chloé de la Chen": "CC", "élodie": "É", "smw@cerulean-inc.com": "S", "…": "", "李 小龙": "李小",
	} {
		require.Equal(t, want, Person{Name: name}.Initials(), name)
	}
}

func newBoard(t *testing.T) *Board {
	t.Helper()
	b, err := Listen("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestTheBoardIsForThisMachine(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", "192.168.1.1:0", "[::]:0", ":0", "example.com:0"} {
		_, err := Listen(address)
		require.ErrorContains(t, err, "loopback", address)
	}
	_, err := Listen("127.0.0.1")
	require.ErrorContains(t, err, "an address and a port")
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/[A-Z2-7]{26}/$`, newBoard(t).URL())
	_, err = Listen(newBoard(t).listener.Addr().String())
	require.ErrorContains(t, err, "in use")
}

func TestWhatTheBoardRefuses(t *testing.T) {
	t.Parallel()
	b := newBoard(t)
	_, port, err := net.SplitHostPort(b.hosts[0])
	require.NoError(t, err)
	for name, test := range map[string]struct {
		method, host, path string
		want               int
	}{
		"the page":             {"GET", "127.0.0.1:PORT", "/" + b.secret + "/", 200},
		"by name":              {"GET", "LocalHost:PORT", "/" + b.secret + "/", 200},
		"IPv6":                 {"GET", "[::1]:PORT", "/" + b.secret + "/", 200},
		"style":                {"GET", "127.0.0.1:PORT", "/" + b.secret + "/board.css", 200},
		"script":               {"HEAD", "127.0.0.1:PORT", "/" + b.secret + "/board.js", 200},
		"a rebound name":       {"GET", "evil.example:PORT", "/" + b.secret + "/", 421},
		"another port":         {"GET", "127.0.0.1:80", "/" + b.secret + "/", 421},
		"no host":              {"GET", "", "/" + b.secret + "/", 421},
		"a name that contains": {"GET", "127.0.0.1:PORT.evil.example", "/" + b.secret + "/", 421},
		"without the secret":   {"GET", "127.0.0.1:PORT", "/", 404},
		"another secret":       {"GET", "127.0.0.1:PORT", "/" + strings.Repeat("A", 26) + "/", 404},
		"the secret's asset":   {"GET", "127.0.0.1:PORT", "/" + b.secret + "/board.html", 404},
		"out of the assets":    {"GET", "127.0.0.1:PORT", "/" + b.secret + "/../board.js", 404},
		"POST":                 {"POST", "127.0.0.1:PORT", "/" + b.secret + "/", 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, "/", nil)
			r.Host, r.URL.Path = strings.ReplaceAll(test.host, "PORT", port), test.path
			w := httptest.NewRecorder()
			b.ServeHTTP(w, r)
			require.Equal(t, test.want, w.Code)
			require.Equal(t, policy, w.Header().Get("Content-Security-Policy"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.NotContains(t, policy, "unsafe")
			if test.want != 200 {
				require.NotContains(t, w.Body.String(), "board.css")
			}
		})
	}
}

// typed is what a user may write to others' boards.
const typed = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\r\n\r\nevent: people\rdata: \"gone\"\n\n"

func TestWhatUsersTypedIsEscaped(t *testing.T) {
	t.Parallel()
	b := newBoard(t)
	b.Show([]Person{{Name: typed, Address: typed, Status: typed, Class: "away", Message: typed, Devices: []Device{{typed, typed, typed}}}}, nil)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/"+b.secret+"/", nil)
	r.Host = b.hosts[0]
	b.ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), "&lt;script&gt;alert(1)")
	require.NotContains(t, w.Body.String(), "<script>alert")
	require.NotContains(t, w.Body.String(), "<img")

	events, _ := listen(t, b)
	first := <-events
	require.Equal(t, "people", first.name)
	var html string
	require.NoError(t, json.Unmarshal([]byte(first.data), &html))
	require.Contains(t, html, "&lt;script&gt;alert(1)")
	require.NotContains(t, html, "<script")
	require.Equal(t, "notice", (<-events).name, "what was typed is no event of its own")
}

type event struct{ name, data string }

// listen serves a board until stop is called, which waits for its end, and reads its
// events.
func listen(t *testing.T, b *Board) (_ <-chan event, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-served)
	})
	t.Cleanup(stop)
	resp, err := http.Get(b.URL() + "events")
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	t.Cleanup(func() { _ = resp.Body.Close() })
	events := make(chan event, 100)
	go func() {
		defer close(events)
		lines := bufio.NewReader(resp.Body)
		for e := (event{}); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "event":
				e.name = value
			case "data":
				e.data += value
			default:
				events <- e
				e = event{}
			}
		}
	}()
	return events, stop
}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := newBoard(t)
	b.Show([]Person{{Name: "Anna", Class: "online"}}, nil)
	events, stop := listen(t, b)
	require.Contains(t, (<-events).data, "Anna")
	require.NotContains(t, (<-events).data, "error")

	b.Show([]Person{{Name: "Anna", Class: "online"}}, nil)
	require.Equal(t, "notice", (<-events).name, "who did not change is not sent again")
	b.Show(nil, errors.New("the server <is> gone"))
	require.Contains(t, (<-events).data, `"error":"the server \u003cis\u003e gone"`)
	b.Show([]Person{{Name: "Ben", Class: "away"}}, nil)
	require.Contains(t, (<-events).data, "Ben")
	require.NotContains(t, (<-events).data, "error")
	stop()
	_, open := <-events
	require.False(t, open, "the board's end is the events'")
	require.ErrorIs(t, b.Close(), net.ErrClosed, "it listens no more")
}
