package trilliantest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

// failingTB is a test that notes that it failed.
type failingTB struct {
	testing.TB
	cleanups []func()
	errors   []string
	logs     []string
}

func (f *failingTB) Helper()           {}
func (f *failingTB) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *failingTB) Failed() bool      { return len(f.errors) > 0 }
func (f *failingTB) Log(args ...any)   { f.logs = append(f.logs, fmt.Sprint(args...)) }
func (f *failingTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *failingTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (f *failingTB) finish() {
	for _, fn := range f.cleanups {
		fn()
	}
}

func TestUnmetFaultsFailTheTest(t *testing.T) {
	t.Parallel()
	tb := &failingTB{TB: t}
	srv := trilliantest.NewServer(tb)
	srv.Inject("POST /users/", trilliantest.Status(503), trilliantest.RetryAfter(time.Second)).Times(3)
	srv.Inject("GET /users/", trilliantest.DropBefore()).Always()
	srv.Inject("GET /groups/", trilliantest.Status(500)).Always()
	expect(t, srv, 503, "POST", "users/", "im", "a@b", "password", "s3cret")
	expect(t, srv, 500, "GET", "groups/")
	tb.finish()
	require.Equal(t, []string{
		"trilliantest: an injected fault was never met: POST /users/ Status(503) RetryAfter(1s) (met by 1 of 3 requests)",
		"trilliantest: an injected fault was never met: GET /users/ DropBefore() (met by no request)",
	}, tb.errors)
	require.Equal(t, []string{"trilliantest: requests to the server: 2\n" +
		"   1  POST users/ im=a@b password=[redacted] (administrator) -> 503 Service Unavailable [injected: Status(503) RetryAfter(1s)]\n" +
		"   2  GET groups/ (administrator) -> 500 Internal Server Error [injected: Status(500)]"}, tb.logs)
	require.Len(t, srv.Requests(), 2, "it can still be asked")
}

// Where a fault that was never met is all that is wrong, the latest requests are
// enough; a test that failed otherwise has more.
func TestUnmetFaultsLogFewRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failed bool
		header string
		lines  int
	}{
		"unmet only":   {false, "trilliantest: requests to the server: 230, the latest 20 of them:", 20},
		"failed first": {true, "trilliantest: requests to the server: 230, the latest 200 of them:", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := &failingTB{TB: t}
			srv := trilliantest.NewServer(tb, trilliantest.WithoutListener())
			srv.Inject("DELETE /users/{user}/", trilliantest.Status(503))
			for range 230 {
				expect(t, srv, 200, "GET", "groups/")
			}
			if c.failed {
				tb.Errorf("something else")
			}
			tb.finish()
			require.Len(t, tb.logs, 1)
			lines := strings.Split(tb.logs[0], "\n")
			require.Equal(t, c.header, lines[0])
			require.Len(t, lines[1:], c.lines)
			require.Equal(t, " 230  GET groups/ (administrator) -> 200 OK", lines[c.lines])
		})
	}
}
