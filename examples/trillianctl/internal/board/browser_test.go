package board

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

var screenshots = flag.String("screenshots", "", "`directory` for screenshots of the board")

// browser starts a headless Chromium. Its complaints (a policy that is violated, a
// script that fails) come back with the second function.
func browser(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("skipped: there is no chromium to show the board in")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WSURLReadTimeout(time.Minute),
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx)) // starts it, without the limit of what follows
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, fmt.Sprintf(format, args...))
	}
	require.NoError(t, chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			complain("exception: %v", ev.ExceptionDetails)
		case *runtime.EventConsoleAPICalled:
			complain("console: %v", ev.Args)
		case *log.EventEntryAdded:
			complain("log: %s", ev.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			complain("dialog: %s", ev.Message)
		}
	}))
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return complaints
	}
}

// show serves the board of a server's people until the test ends.
func show(t *testing.T, srv *trilliantest.Server) (url string) {
	t.Helper()
	b := newBoard(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { Poll(ctx, 50*time.Millisecond, (&Reader{Client: srv.Client()}).Read, b.Show) })
	running.Go(func() {
		if err := b.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return b.URL()
}

func present(name string, status trillian.PresenceStatus, message string, ago time.Duration, devices ...trillian.Device) trillian.Presence {
	return trillian.Presence{Name: name, Status: status, Message: message, Timestamp: trillian.Timestamp{Time: time.Now().Add(-ago)}, Devices: devices}
}

func on(name, platform, version, build, ip string) trillian.Device {
	return trillian.Device{Name: name, Platform: platform, Version: version, Build: build, IP: trillian.DeviceIP{Addr: netip.MustParseAddr(ip)}}
}

func TestBoardInABrowser(t *testing.T) {
	t.Parallel()
	ctx, complaints := browser(t)
	srv := trilliantest.NewServer(t,
		trilliantest.WithUsers(
			trillian.User{Name: "anna@acme.example", DisplayName: "Anna Adams"},
			trillian.User{Name: "ben@acme.example", DisplayName: "Ben Bauer"},
			trillian.User{Name: "eve@acme.example", DisplayName: "<b id=evil>Eve</b>"},
		),
		trilliantest.WithPresence(
			present("anna@acme.example", trillian.PresenceOnline, "", time.Hour, device("DESK-1", "10.0.0.1")),
			present("ben@acme.example", trillian.PresenceAway, "At lunch", time.Hour),
			present("eve@acme.example", trillian.PresenceOnline, `<img id=evil src=x onerror="document.title='owned'"><script id=evil>document.title='owned'</script>`, time.Hour),
		),
	)
	names := func() string {
		return ask(t, ctx, chromedp.Evaluate[string](
			`[...document.querySelectorAll("tbody tr")].filter(row => row.offsetHeight).map(row => row.querySelector("strong").textContent).join(", ")`))
	}
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		require.NoError(t, chromedp.Do(ctx, steps...))
	}
	row, filter := chromedp.CSS("tbody tr"), chromedp.CSS("#filter")
	do(chromedp.Navigate(show(t, srv)), chromedp.WaitVisible(row))
	require.Equal(t, "Who is where", ask(t, ctx, chromedp.Title()))
	require.Equal(t, "null", ask(t, ctx, chromedp.Evaluate[string](`String(document.getElementById("evil"))`)))
	require.Contains(t, ask(t, ctx, chromedp.Text(chromedp.CSS("tr:nth-child(1) q"))), "<img id=evil")
	require.Regexp(t, `1 hr\. ago|1 hour ago`, ask(t, ctx, chromedp.Text(chromedp.CSS("tr:nth-child(2) time"))))
	require.Equal(t, "<b id=evil>Eve</b>, Anna Adams, Ben Bauer", names())

	do(chromedp.SendKeys(filter, "DESK-1"))
	require.Equal(t, "Anna Adams", names())
	ask(t, ctx, chromedp.Evaluate[bool](`document.getElementById("filter").value = "", document.getElementById("filter").dispatchEvent(new Event("input"))`))
	do(chromedp.Click(chromedp.CSS(`button[data-class="away"]`)))
	require.Equal(t, "Ben Bauer", names())

	// Someone signs on while the page is open: the filter stays.
	srv.Fill(trilliantest.WithUsers(trillian.User{Name: "carl@acme.example", DisplayName: "Carl"}), trilliantest.WithPresence(
		present("carl@acme.example", trillian.PresenceAway, "Back soon", time.Second),
		present("ben@acme.example", trillian.PresenceAway, "At dinner", time.Second),
	))
	do(chromedp.WaitVisible(`//q[text()="At dinner"]`), chromedp.WaitVisible(`//q[text()="Back soon"]`))
	require.NotContains(t, names(), "Anna Adams")

	// The server goes away: that is told, and the people stay.
	srv.Close()
	do(chromedp.WaitVisible(chromedp.CSS("#seen.stale")))
	stale := ask(t, ctx, chromedp.Text(chromedp.CSS("#seen")))
	require.Contains(t, stale, "GET presence/")
	require.NotContains(t, stale, "token=")
	require.Contains(t, names(), "Ben Bauer")
	require.Empty(t, complaints(), "the page needs nothing that its policy forbids")
}

func ask[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	answer, err := chromedp.Run(ctx, action)
	require.NoError(t, err)
	return answer
}

func TestBoardFitsAPhone(t *testing.T) {
	t.Parallel()
	ctx, complaints := browser(t)
	srv := trilliantest.NewServer(t, office()...)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(show(t, srv)), chromedp.WaitVisible(chromedp.CSS("tbody tr"))))
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"small phone", 320, 568}, {"desktop", 1060, 672}} {
		for _, scheme := range []string{"light", "dark"} {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			require.NoError(t, err)
			viewport := chromedp.EmulateViewport(size.width, size.height)
			if size.width < 400 {
				viewport = chromedp.EmulateViewport(size.width, size.height, chromedp.EmulateMobile)
			}
			require.NoError(t, chromedp.Do(ctx, viewport))
			require.LessOrEqual(t, ask(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)), size.width, "%s: it is wider than the screen", size.name)
			require.Equal(t, map[string]string{"light": "rgb(244, 245, 247)", "dark": "rgb(20, 22, 26)"}[scheme],
				ask(t, ctx, chromedp.Evaluate[string](`getComputedStyle(document.documentElement).backgroundColor`)))
			if *screenshots != "" {
				name := strings.ReplaceAll(size.name, " ", "-") + "-" + scheme + ".png"
				require.NoError(t, os.WriteFile(filepath.Join(*screenshots, name), ask(t, ctx, chromedp.CaptureScreenshot()), 0o644))
			}
		}
	}
	require.Empty(t, complaints())
}

// office is a company that looks like one.
func office() []trilliantest.Option {
	people := []struct {
		address, name string
		trillian.Presence
	}{
		{"anna.adams", "Anna Adams", present("", trillian.PresenceOnline, "", 4*time.Minute, on("ATLAS", "Windows", "6.5", "39", "10.0.3.17"))},
		{"ben.bauer", "Ben Bauer", present("", trillian.PresenceAway, "Lunch, back at one", 26*time.Minute, on("BONECRUSHER", "Windows", "6.5", "39", "10.0.3.21"))},
		{"chloe.chen", "Chloé Chen", present("", trillian.PresenceDoNotDisturb, "Writing the quarterly report", 2*time.Hour,
			on("MacBook-Chloe", "Mac", "6.5", "12", "10.0.3.40"), on("iPhone", "iOS", "6.4", "3", "172.20.1.9"))},
		{"dmitri.duarte", "Dmitri Duarte", present("", trillian.PresenceMobile, "", 50*time.Minute, on("Pixel 9", "Android", "6.4", "8", "100.72.4.11"))},
		{"eszter.eriksen", "Eszter Eriksen", present("", trillian.PresenceOnline, "In the lab <4th floor>", 9*time.Minute, on("LAB-7", "Linux", "6.5", "39", "10.0.7.2"))},
		{"farid.fischer", "Farid Fischer", present("", trillian.PresenceOffline, "", 20*time.Hour)},
		{"olga.orlova", "Ольга Орлова", present("", trillian.PresenceAway, "На обеде", 3*time.Minute, on("SOFIA-2", "Windows", "6.5", "39", "10.4.0.22"))},
	}
	var options []trilliantest.Option
	for _, p := range people {
		address := p.address + "@acme.example"
		p.Presence.Name = address
		options = append(options, trilliantest.WithUsers(trillian.User{Name: address, DisplayName: p.name}), trilliantest.WithPresence(p.Presence))
	}
	return options
}
