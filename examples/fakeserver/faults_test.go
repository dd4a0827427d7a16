package main

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// What is injected is what the same faults would be in code.
func TestFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"POST /users/{user}/messages/=drop-after": "POST /users/{user}/messages/ DropAfter() (met by 0 of 1 requests)",
		"GET /users/=drop-before,times=3":         "GET /users/ DropBefore() (met by 0 of 3 requests)",
		"GET /users/=status=503,retry-after=2s":   "GET /users/ Status(503) RetryAfter(2s) (met by 0 of 1 requests)",
		"/{any...}=delay=1m30s,always":            "/{any...} Delay(1m30s) (met by no request)",
		"/users/=truncate=0":                      "/users/ Truncate(0) (met by 0 of 1 requests)",
		"POST /users/{user}/media/=drop-upload=9": "POST /users/{user}/media/ DropUpload(9) (met by 0 of 1 requests)",
		"POST /groups/=status=504,carried-out":    "POST /groups/ Status(504) CarriedOut() (met by 0 of 1 requests)",
		"POST /groups/=carried-out-late=2s":       "POST /groups/ CarriedOutLate(2s) (met by 0 of 1 requests)",
		"/users/=status=502,body=<html>a=b, c":    `/users/ Status(502) Body("text/html; charset=utf-8", 12 bytes) (met by 0 of 1 requests)`,
		"/users/=body=":                           `/users/ Body("text/plain; charset=utf-8", 0 bytes) (met by 0 of 1 requests)`,
		"/users/a%3Db/=drop-after":                "/users/a%3Db/ DropAfter() (met by 0 of 1 requests)",
	} {
		fault, err := parseFault(text)
		require.NoError(t, err, text)
		server, err := trilliantest.Start(trilliantest.WithoutListener())
		require.NoError(t, err)
		fault.inject(server)
		require.Equal(t, []string{want}, server.Unconsumed(), text)
	}
}

func TestBadFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "it has no fault",
		"GET /users/":                          "it has no fault",
		"GET /users/=":                         `"" is not a fault`,
		"GET /users/=status=503,":              `"" is not a fault`,
		"GET /users=status=503":                `all of them end in a slash, as in "GET /users/"`,
		"GET /user/=status=503":                "matches the path of no operation",
		"PUT /users/=status=503":               "there is only GET, POST",
		"GET /users/=explode":                  `"explode" is not a fault`,
		"GET /users/=status":                   "status needs a number from 200 to 599",
		"GET /users/=status=600":               "status needs a number from 200 to 599",
		"GET /users/=status=abc":               "status needs a number",
		"GET /users/=truncate=-1":              "truncate needs a number from 0",
		"GET /users/=delay=5":                  "delay needs a duration, such as 2s or 500ms",
		"GET /users/=delay=-1s":                "delay needs a duration",
		"GET /users/=retry-after":              "retry-after needs a duration",
		"GET /users/=drop-after=1":             "drop-after takes no value",
		"GET /users/=drop-before=":             "drop-before takes no value",
		"GET /users/=status=503,carried-out=1": "carried-out takes no value",
		"POST /users/=carried-out-late":        "carried-out-late needs a duration, such as 2s or 500ms",
		"POST /users/=carried-out-late=-1s":    "carried-out-late needs a duration",
		"GET /users/=always=1":                 "always takes no value",
		"GET /users/=body":                     "body needs a value",
		"GET /users/=status=503,times=0":       "times needs a number from 1",
		"GET /users/=times=2":                  "nothing goes wrong",
	} {
		_, err := parseFault(text)
		require.ErrorContains(t, err, want, text)
	}
}

// The server's own look at its users does not meet what is injected for others.
func TestInjectedFaultsAreMet(t *testing.T) {
	t.Parallel()
	greeting, stop := serve(t, "-fault", "GET /users/=status=503,retry-after=2s,after=1", "-fault", "GET /groupchats/=status=502,body=out of order", "-fault", "/policies/=drop-after")
	defer stop()
	base := after(t, greeting, "Base URL:")
	get := func(path string) (int, string, string) {
		resp, err := http.Get(base + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, resp.Header.Get("Retry-After"), string(body)
	}
	status, _, _ := get("users/")
	require.Equal(t, 401, status)
	status, wait, _ := get("users/")
	require.Equal(t, 503, status)
	require.Equal(t, "2", wait)
	status, _, body := get("groupchats/")
	require.Equal(t, 502, status)
	require.Equal(t, "out of order", body)
	http.DefaultClient.CloseIdleConnections()
	require.Equal(t, []string{"Closing.", "A fault was never met: /policies/ DropAfter() (met by 0 of 1 requests)"}, stop())
}

// What was answered with an error comes true in the end.
func TestCarriedOutLate(t *testing.T) {
	t.Parallel()
	greeting, stop := serve(t, "-token", "admin", "-fault", "POST /groupchats/=status=504,carried-out-late=1ms")
	defer stop()
	client, err := trillian.NewClient("admin", trillian.WithBaseURL(after(t, greeting, "Base URL:")), trillian.WithPlainHTTP())
	require.NoError(t, err)
	_, err = client.GroupChats.Create(t.Context(), trillian.GroupChatCreate{DisplayName: "Launch"})
	require.ErrorIs(t, err, trillian.ErrOutcomeUnknown)
	require.Eventually(t, func() bool {
		chats, err := client.GroupChats.List(t.Context(), nil)
		return err == nil && slices.ContainsFunc(chats, func(c trillian.GroupChat) bool { return c.DisplayName == "Launch" })
	}, time.Minute, time.Millisecond)
	client.CloseIdleConnections()
	require.Equal(t, []string{"Closing."}, stop())
}
