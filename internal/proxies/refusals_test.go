//go:build unix

package proxies_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// direct is the way without a proxy.
func (b *backend) direct() route { return route{name: "direct", base: b.http.URL + "/v1/", proto: 1} }

// slashedFile stores a file whose id has a slash in it.
func (b *backend) slashedFile(t *testing.T) (client *trillian.Client, id string) {
	t.Helper()
	client = b.direct().client(t, b.Token())
	for range 100 {
		file, err := client.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "f.txt", Data: strings.NewReader("content")})
		require.NoError(t, err)
		if strings.Contains(file.ID, "/") {
			return client, file.ID
		}
	}
	t.Fatal("no id has a slash")
	return nil, ""
}

// failOnce has the first DELETE fail.
func (b *backend) failOnce(how fault) {
	var met atomic.Bool
	b.failing(func(r *http.Request) fault {
		if r.Method == http.MethodDelete && met.CompareAndSwap(false, true) {
			return how
		}
		return none
	})
}

// A DELETE that is answered 502 and then 404 may have been carried out, and may
// have been sent where there never was anything.
func TestDeletedOrNot(t *testing.T) {
	for name, c := range map[string]struct {
		variant string
		how     fault
		stays   bool
	}{
		"a path that is decoded on the way": {variant: "decodes", how: dropBefore, stays: true},
		"an answer that is lost":            {how: dropAfter},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			owner, id := b.slashedFile(t)
			b.failOnce(c.how)
			running := nginx.start(t, b.address(), c.variant)
			err := running.routes()[0].client(t, b.Token()).Users.Media.Delete(t.Context(), smw, id)
			require.ErrorIs(t, err, trillian.ErrNotFound)
			require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
			require.Equal(t, int64(1), b.faults.Load())
			_, err = owner.Users.Media.Stat(t.Context(), smw, id)
			require.Equal(t, c.stays, err == nil, "%v", err)
		})
	}
}

// Where the client itself has sent a DELETE twice, or net/http for it, a 404 says
// nothing of the first. Where a proxy has, nobody can know.
func TestDeletedTwice(t *testing.T) {
	for _, p := range programs {
		b := newBackend(t)
		p.through(t, b, func(t *testing.T, way route) {
			client := way.client(t, b.Token())
			b.failing(nil)
			_, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: "ann@x", Password: "secret"})
			require.NoError(t, err)
			b.failOnce(dropAfter)
			ctx, sends := countingSends(t.Context())
			err = client.Users.Delete(ctx, "ann@x")
			require.Error(t, err)
			switch {
			case !errors.Is(err, trillian.ErrNotFound):
				note("a DELETE whose answer is lost, %s: %v", way.name, err)
			case sends.Load() == 1:
				note("repeated by %s itself: a DELETE whose answer is lost", way.name)
			default:
				require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
			}
		})
	}
}

// Varnish asks to come again in five seconds, after the server did what it was asked.
func TestRetryAfterTheWork(t *testing.T) {
	b := newBackend(t)
	b.failing(dropFirst())
	client := varnish.start(t, b.address()).routes()[0].client(t, b.Token())
	_, err := client.GroupChats.Create(t.Context(), trillian.GroupChatCreate{DisplayName: "new"})
	require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
	failure, ok := errors.AsType[*trillian.Error](err)
	require.True(t, ok)
	require.Equal(t, http.StatusServiceUnavailable, failure.StatusCode)
	require.Equal(t, 5*time.Second, failure.RetryAfter)
	require.Equal(t, int64(1), b.requests.Load())
}

// decoding are the programs that read a path's %2F as a slash, or refuse it, where
// their configuration does not say otherwise.
var decoding = []program{nginx, apache, lighttpd}

// An identifier with a slash must not become another operation behind a proxy that
// decodes paths.
func TestSlashesInIdentifiers(t *testing.T) {
	for _, p := range decoding {
		b := newBackend(t, trilliantest.WithUsers(trillian.User{Name: "ann@x"}, trillian.User{Name: "lead@x"}))
		require.NoError(t, b.direct().client(t, b.Token()).Users.Avatar.Set(t.Context(), "ann@x", trillian.Avatar{Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n")}))
		p.through(t, b, func(t *testing.T, way route) {
			client := way.client(t, b.Token())
			before := b.requests.Load()
			for _, name := range []string{"ann@x/addressbook/avatar", "/lead@x", "lead@x/", `x\lead@x`, "/"} {
				err := client.Users.Delete(t.Context(), name)
				_, ok := errors.AsType[*trillian.ArgumentError](err)
				require.True(t, ok, "%s: %v", name, err)
			}
			require.Equal(t, before, b.requests.Load(), "requests arrived")
			_, err := client.Users.Avatar.Get(t.Context(), "ann@x")
			require.NoError(t, err)
			_, err = client.Users.Get(t.Context(), "lead@x")
			require.NoError(t, err)
		}, "decodes")
	}
}

// A media id may have a slash. Where it is not found, the proxy may be to blame,
// and the error says so.
func TestSlashesInMediaIDs(t *testing.T) {
	for _, p := range decoding {
		b := newBackend(t)
		_, id := b.slashedFile(t)
		p.through(t, b, func(t *testing.T, way route) {
			client := way.client(t, b.Token())
			_, err := client.Users.Media.Stat(t.Context(), smw, id)
			require.Error(t, err)
			require.Contains(t, err.Error(), "docs/proxies.md")
			_, err = client.Users.Media.Open(t.Context(), smw, id)
			require.Error(t, err)
			require.Contains(t, err.Error(), "docs/proxies.md")
			_, err = client.Users.Get(t.Context(), "nobody@x")
			require.ErrorIs(t, err, trillian.ErrNotFound)
			require.NotContains(t, err.Error(), "docs/proxies.md", "there is no slash to blame")
		}, "decodes")
	}
}

// A forward proxy that connects is not noticed. One that refuses is named, with its
// status, and is asked once.
func TestRefusedCONNECT(t *testing.T) {
	for variant, status := range map[string]string{"lets through": "", "refuses": "403", "asks who": "407"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel() // squid takes its time to end
			b := newSecureBackend(t)
			running := squid.start(t, b.address(), variant)
			way := route{name: "squid, CONNECT", base: b.http.URL + "/v1/", proto: 2, proxy: &url.URL{Scheme: "http", Host: running.HTTP}}
			if status == "" {
				walk(t, b, way)
				return
			}
			client := way.client(t, b.Token())
			_, reading := client.Users.List(t.Context())
			_, writing := client.GroupChats.Create(t.Context(), trillian.GroupChatCreate{DisplayName: "new"})
			for _, err := range []error{reading, writing} {
				failure, ok := errors.AsType[*trillian.Error](err)
				require.True(t, ok, "%v", err)
				require.Contains(t, err.Error(), "proxy")
				require.Contains(t, err.Error(), status)
				require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
				require.Equal(t, 1, failure.Attempts)
			}
			require.Zero(t, b.requests.Load())
			asked := func() int { return strings.Count(running.logs(t), " CONNECT ") } // it writes them when it has time
			require.Eventually(t, func() bool { return asked() >= 2 }, 20*time.Second, 50*time.Millisecond)
			require.Equal(t, 2, asked(), "the proxy was asked again")
		})
	}
}

// A proxy can be told to repeat a POST that may have been carried out, and Varnish
// repeats by itself one that has no body. No client can help the first; this one
// never sends the second.
func TestRepeatingProxies(t *testing.T) {
	for _, c := range []struct {
		program
		body string
	}{{nginx, "&"}, {haproxy, "&"}, {varnish, ""}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBackend(t)
			way := c.start(t, b.address(), "repeats").routes()[0]
			client := http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for _, drops := range []func(*http.Request) fault{nil, dropFirst()} { // Varnish repeats on a used connection only
				b.failing(drops)
				b.forget()
				member := way.base + "groupchats/" + url.PathEscape(trilliantest.SampleGeneral) + "/" + smw + "/?token=" + url.QueryEscape(b.Token())
				resp, err := client.Post(member, "application/x-www-form-urlencoded", strings.NewReader(c.body))
				require.NoError(t, err)
				_, _ = io.Copy(io.Discard, resp.Body)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, http.StatusCreated, resp.StatusCode)
			}
			require.Equal(t, 2, b.done(smw))
		})
	}
}

// dropFirst drops one connection after it was done as asked.
func dropFirst() func(*http.Request) fault {
	var met atomic.Bool
	return func(*http.Request) fault {
		if met.CompareAndSwap(false, true) {
			return dropAfter
		}
		return none
	}
}
