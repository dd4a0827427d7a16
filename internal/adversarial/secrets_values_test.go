package adversarial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	texttemplate "text/template"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/servertest"
)

// TestSecretsInValues prints everything a program holds, in every way
// of printing it, by value, by pointer, and inside of other values.
func TestSecretsInValues(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	c := w.client("https://im.example.com/v1/")
	other, err := c.WithToken(canaryToken)
	require.NoError(t, err)
	password := trillian.Secret(canaryPassword)
	create := trillian.UserCreate{IM: smw, Password: password, Fields: map[string]string{"displayname": "Scott"}}
	update := trillian.UserUpdate{Password: &password}

	for name, v := range map[string]any{
		"Client": c, "Client of WithToken": other, "Client by value": *c,
		"services": []any{c.GroupChats, c.GroupChats.Members, c.GroupChats.Media, c.GroupChats.Messages, c.Groups, c.Groups.Peers,
			c.Policies, c.Presence, c.Users, c.Users.Avatar, c.Users.Media, c.Users.Messages},
		"services by value": []any{*c.GroupChats, *c.GroupChats.Members, *c.Groups, *c.Groups.Peers, *c.Policies, *c.Presence, *c.Users, *c.Users.Avatar, *c.Users.Media, *c.Users.Messages},
		"options":           append(w.options(), trillian.WithTimeout(time.Second), trillian.WithBaseURL("https://im.example.com/")),
		"RetryPolicy":       trillian.RetryPolicy{MaxAttempts: 3},
		"Secret":            password, "Secret by pointer": &password, "Secrets": []trillian.Secret{password}, "Secrets by name": map[string]trillian.Secret{"a": password},
		"UserCreate": create, "UserCreate by pointer": &create, "UserCreates": []trillian.UserCreate{create},
		"UserUpdate": update, "UserUpdate by pointer": &update, "UserUpdates": []*trillian.UserUpdate{&update},
		"struct with a UserCreate": struct{ User trillian.UserCreate }{create}, "interface": []any{create, &update, c},
		"other creates and updates": []any{
			trillian.GroupChatCreate{}, trillian.GroupChatUpdate{Topic: new("x")}, trillian.GroupCreate{}, trillian.GroupUpdate{Policy: new(1)},
			trillian.PolicyCreate{}, trillian.PolicyUpdate{Name: new("x")}, trillian.PresenceUpdate{}, trillian.MessageSend{}, trillian.MediaUpload{Data: strings.NewReader("")},
		},
	} {
		w.seeValue(name, v)
		for _, method := range []string{"String", "GoString"} {
			if m := reflect.ValueOf(v).MethodByName(method); m.IsValid() {
				w.see(name+": "+method, m.Call(nil)[0].String())
			}
		}
		w.see(name+": text/template", rendered(t, texttemplate.Must(texttemplate.New("").Parse("{{.}} {{printf `%s %v %q` . . .}}")), v))
		w.see(name+": html/template", rendered(t, htmltemplate.Must(htmltemplate.New("").Parse("<p title='{{.}}'>{{.}}</p>")), v))
	}
	require.Equal(t, redacted, fmt.Sprint(password), "the value itself is still there: "+string(password)[:4])
}

type template interface{ Execute(io.Writer, any) error }

func rendered(t *testing.T, tmpl template, v any) string {
	var b bytes.Buffer
	require.NoError(t, tmpl.Execute(&b, v))
	return b.String()
}

// TestSecretsAfterSuccess searches what a call that went well leaves.
func TestSecretsAfterSuccess(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	c := w.client(serving(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Request", r.RequestURI)
		rw.Header().Set("Content-Location", r.RequestURI)
		rw.Header().Set("Content-Disposition", `attachment; filename="`+url.QueryEscape(r.RequestURI)+`"`)
		body, _ := io.ReadAll(r.Body)
		rw.Header().Set("X-Form", string(body))
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(rw, "<response/>")
		}
	})(t))
	ctx := w.context()

	user, err := c.Users.Create(ctx, trillian.UserCreate{IM: smw, Password: canaryPassword})
	require.NoError(t, err)
	w.seeValue("User that was created", user)
	user, err = c.Users.Update(ctx, smw, trillian.UserUpdate{Password: new(trillian.Secret(canaryPassword))})
	require.NoError(t, err)
	w.seeValue("User that was updated", user)

	file, err := c.Users.Media.Open(ctx, smw, item)
	require.NoError(t, err)
	w.seeValue("MediaReader", file)
	w.seeValue("MediaInfo", file.MediaInfo)
	require.NoError(t, file.Close())
	info, err := c.Users.Media.Stat(ctx, smw, item)
	require.NoError(t, err)
	w.seeValue("MediaInfo of Stat", info)
	require.Contains(t, info.Header.Get("X-Request"), redacted)
	_, err = c.GroupChats.List(ctx, nil)
	require.NoError(t, err)
}

// TestSecretsReachTheServer asserts what hiding must not break: both
// secrets arrive as they are, the token in the query and nowhere else, the
// password in the form and nowhere else, on every attempt.
func TestSecretsReachTheServer(t *testing.T) {
	t.Parallel()
	t.Run("every operation", func(t *testing.T) {
		t.Parallel()
		w := newWatcher(t)
		server := servertest.New(t, 429, "")
		servertest.CallEverything(w.context(), w.client(server.URL))
		require.Len(t, server.Seen, 2*52)
		for _, seen := range server.Seen {
			require.Equal(t, []string{canaryToken}, seen.Token)
			w.see("query but for the token", seen.Query)
			w.see("path", seen.Path)
			w.see("form", fmt.Sprint(seen.Form))
			w.see("Referer", seen.Header.Get("Referer"))
			w.see("headers at the server", fmt.Sprint(seen.Header))
		}
	})
	for _, status := range []int{http.StatusOK, http.StatusTooManyRequests, http.StatusMethodNotAllowed} {
		for name, opts := range map[string][]trillian.Option{"": nil, " as POST": {trillian.WithPATCHAsPOST()}} {
			t.Run(fmt.Sprintf("passwords, answered %d%s", status, name), func(t *testing.T) {
				t.Parallel()
				w := newWatcher(t)
				server := servertest.New(t, status, "")
				c := w.client(server.URL, opts...)
				_, _ = c.Users.Create(w.context(), trillian.UserCreate{IM: smw, Password: canaryPassword})
				_, _ = c.Users.Update(w.context(), smw, trillian.UserUpdate{Password: new(trillian.Secret(canaryPassword))})
				require.GreaterOrEqual(t, server.Count(), 2)
				for _, seen := range server.Seen {
					require.Equal(t, []string{canaryPassword}, seen.Form["password"])
					require.Equal(t, []string{canaryToken}, seen.Token)
					w.see("URL of a form with a password", seen.Path, seen.Query)
					w.see("headers at the server of a form with a password", fmt.Sprint(seen.Header))
				}
			})
		}
	}
}

// TestSecretsInHTTP2 asks over HTTP/2, which shows the path to the
// hooks of httptrace as if it were a header.
func TestSecretsInHTTP2(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	var protos []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		protos = append(protos, r.Proto+" "+r.URL.Query().Get("token"))
		rw.Header().Set("Link", "<"+r.RequestURI+">")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.Header().Set("Trailer", "X-Url")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(rw, r.RequestURI)
		rw.Header().Set("X-Url", r.RequestURI)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	c := w.client(server.URL, trillian.WithHTTPClient(server.Client()))
	_, err := c.Groups.Get(w.context(), 1, nil)
	require.ErrorIs(t, err, trillian.ErrForbidden)
	w.seeError("error: HTTP/2", err)
	require.Equal(t, []string{"HTTP/2.0 " + canaryToken}, protos)
	require.Contains(t, fmt.Sprint(w.texts["trace: WroteHeaderField"]), "token="+redacted, "the hook was called")
	require.Contains(t, fmt.Sprint(w.texts["trace: Got1xxResponse"]), "token="+redacted)
}

// TestSecretsInArguments puts secrets where they do not belong: what
// is refused is not quoted.
func TestSecretsInArguments(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	escaped := url.QueryEscape(canaryToken)
	for _, base := range []string{
		"https://im.example.com/v1/?token=" + escaped, "https://im.example.com/v1/?" + canaryToken, "https://im.example.com/#" + canaryToken,
		"https://admin:" + escaped + "@im.example.com/", "https://" + canaryToken, "https://im.example.com:" + escaped + "/", "im.example.com/?token=" + escaped,
		"http://im.example.com/" + escaped, "https://im.example.com/ " + canaryToken, "https://im.example.com/%zz" + escaped, canaryToken, "https://[" + escaped,
		"https://im.example.com/../" + escaped,
	} {
		_, err := trillian.NewClient("token", trillian.WithBaseURL(base))
		require.ErrorIs(t, err, trillian.ErrInvalidArgument, base)
		w.seeError("error: base URL", err)
	}
	for _, bad := range []string{" " + canaryToken, canaryToken + "\n", canaryToken[:9] + "\x00" + canaryToken[9:]} {
		_, err := trillian.NewClient(bad)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
		w.seeError("error: token", err)
	}
	for _, opt := range []trillian.Option{trillian.WithCertificatePin(canaryToken), trillian.WithUserAgent(canaryToken + "\r\n")} {
		_, err := trillian.NewClient("token", opt)
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
		w.seeError("error: option", err)
	}
	c, ctx := w.client("https://im.example.com/"), w.context()
	for _, err := range []error{
		c.Do(ctx, "GET", "users/?token="+escaped, nil, nil),
		c.Do(ctx, "GET", "https://im.example.com/users/?token="+escaped, nil, nil),
		c.Do(ctx, "GET", "users/\x00"+canaryToken, nil, nil),
		c.Do(ctx, "GET", "users/%zz"+canaryToken, nil, nil),
		c.Do(ctx, "GET "+canaryToken, "users/", nil, nil),
		c.Do(ctx, "GET", "users/", url.Values{"token": {canaryToken}}, nil),
		c.Do(ctx, "GET", "users/", nil, canaryToken),
		c.Users.Delete(ctx, canaryPassword+"\n"),
		c.Users.Delete(ctx, canaryPassword+"\u0085"),
		c.Users.Delete(ctx, canaryPassword+"\xff"),
		c.Users.Delete(ctx, canaryPassword+"/.."),
		c.Users.Delete(ctx, strings.Repeat(canaryPassword, 99)),
	} {
		require.ErrorIs(t, err, trillian.ErrInvalidArgument)
		w.seeError("error: argument", err)
	}
	_, err := c.Users.Create(ctx, trillian.UserCreate{IM: smw, Password: canaryPassword, Fields: map[string]string{"token": canaryToken}})
	require.ErrorIs(t, err, trillian.ErrInvalidArgument)
	w.seeError("error: fields", err)
}

// TestSecretsInPanics searches what a panic says, and its stack.
func TestSecretsInPanics(t *testing.T) {
	t.Parallel()
	base := serving(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, usersAnswer) })(t)
	panicking := trillian.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			_, err := next.RoundTrip(r)
			panic(fmt.Sprintf("%+v %+v %v %v %+v", r, r.Context(), r.URL, err, next))
		})
	})
	for name, call := range map[string]func(context.Context, *watcher){
		"middleware": func(ctx context.Context, w *watcher) {
			_, _ = w.client(base, panicking).Users.Create(ctx, trillian.UserCreate{IM: smw, Password: canaryPassword})
		},
		"loop": func(ctx context.Context, w *watcher) {
			c := w.client(base)
			for user := range c.Users.All(ctx) {
				panic(fmt.Sprintf("%+v %+v", user, c))
			}
		},
		"writer": func(ctx context.Context, w *watcher) {
			_, _ = w.client(base).Users.Media.Download(ctx, smw, item, writer(func([]byte) { panic(fmt.Sprintf("%+v", ctx)) }))
		},
		"base transport without a body": func(ctx context.Context, w *watcher) {
			_ = w.client(base, trillian.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{}, nil
			})})).Users.Delete(ctx, smw)
			panic("this one is survived")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatcher(t)
			defer func() {
				recovered := recover()
				require.NotNil(t, recovered)
				w.see("panic: "+name, fmt.Sprint(recovered), string(debug.Stack()))
			}()
			call(w.context(), w)
		})
	}
}

type writer func([]byte)

func (f writer) Write(p []byte) (int, error) { f(p); return len(p), nil }

// TestSecretsInCancellation ends calls in the middle of their retries.
func TestSecretsInCancellation(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	for _, call := range canaryCalls {
		ctx, cancel := context.WithCancelCause(w.context())
		failing := faulty(func(r *http.Request) error {
			cancel(errors.New("the program ends"))
			return errors.Join(echo(r), context.Canceled)
		})
		err := call.call(ctx, w.client("https://im.example.com/", trillian.WithHTTPClient(&http.Client{Transport: failing})))
		require.ErrorContains(t, err, "the program ends", call.name)
		w.seeError("error: cancellation", err)
	}
	require.NotEmpty(t, w.texts)
}

// TestSecretsInLogOutput is not parallel: the output of package log,
// which net/http writes to, is one for the whole program.
func TestSecretsInLogOutput(t *testing.T) {
	w := newWatcher(t)
	var mu sync.Mutex
	var b bytes.Buffer
	before := log.Writer()
	log.SetOutput(writer(func(p []byte) { mu.Lock(); defer mu.Unlock(); b.Write(p) }))
	defer log.SetOutput(before)
	for _, status := range []int{200, 302, 401, 429, 503} {
		base, opts := answering(status, "text/plain", "%s")(t)
		for _, call := range canaryCalls {
			_ = call.call(w.context(), w.client(base, opts...))
		}
	}
	log.Print("the end")
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, b.String(), "the end")
	w.see("output of package log", b.String())
}
