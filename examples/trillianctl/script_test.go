package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trillian-go/trillian/trilliantest"
)

// The scripts run the program itself, as a process, by its name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trillianctl": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":   startServer,
			"inject":   injectFault,
			"await":    awaitRequests,
			"requests": printRequests,
			"tokens":   fillInTokens,
			"senderToken": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv("TRILLIAN_SENDER_TOKEN", serverOf(ts).TokenFor(args[0]))
			},
		},
		Condition:           condition,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "", // writes the output that is expected
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/.config")
			return nil
		},
	})
}

// condition: "[terminals]" holds where there are pseudo-terminals, which not every
// container has.
func condition(name string) (bool, error) {
	if name != "terminals" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return false, nil
	}
	return true, ptmx.Close()
}

// startServer: "server [USERSxCHATSxWEEKS]" starts a server that lasts as long as
// the script does, with the sample company or a generated one, and names it in the
// environment.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	company := trilliantest.WithSampleCompany()
	if len(args) > 0 {
		users, chats, weeks, err := parseScale(args[0])
		ts.Check(err)
		company = trilliantest.WithGeneratedCompany(users, chats, weeks)
	}
	server, err := trilliantest.Start(company)
	ts.Check(err)
	ts.Defer(server.Close)
	ts.Setenv("TRILLIAN_BASE_URL", server.BaseURL())
	ts.Setenv("TRILLIAN_TOKEN", server.Token())
	servers.Store(ts.Getenv("WORK"), server)
}

// servers are the scripts' servers, by their directory.
var servers sync.Map

func serverOf(ts *testscript.TestScript) *trilliantest.Server {
	server, ok := servers.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no server was started")
	}
	return server.(*trilliantest.Server)
}

// injectFault: "inject PATTERN FAULT" makes the next request that matches meet a
// fault: a status, drop-before or drop-after.
func injectFault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: inject PATTERN FAULT")
	}
	var fault trilliantest.Fault
	switch args[1] {
	case "drop-before":
		fault = trilliantest.DropBefore()
	case "drop-after":
		fault = trilliantest.DropAfter()
	default:
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		fault = trilliantest.Status(status)
	}
	serverOf(ts).Inject(args[0], fault)
}

// awaitRequests: "await PATTERN N" waits until the server has been asked N times more
// for what matches.
func awaitRequests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await PATTERN N")
	}
	more, err := strconv.Atoi(args[1])
	ts.Check(err)
	asked := func() int { return len(serverOf(ts).RequestsTo(args[0])) }
	end := time.Now().Add(time.Minute)
	for want := asked() + more; asked() < want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("nobody asks for %s", args[0])
		}
	}
}

// printRequests: "requests" writes the server's requests so far to the file
// "requests", a line each.
func printRequests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: requests")
	}
	var lines strings.Builder
	for _, r := range serverOf(ts).Requests() {
		fmt.Fprintln(&lines, r)
	}
	ts.Check(os.WriteFile(ts.MkAbs("requests"), []byte(lines.String()), 0o600))
}

// fillInTokens: "tokens FILE" puts the server's base URL and tokens into a
// configuration, and the administrator's token into token.txt.
func fillInTokens(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tokens FILE")
	}
	server := serverOf(ts)
	text := strings.NewReplacer(
		"BASE", server.BaseURL(), "TOKEN", server.Token(), "SMW", server.TokenFor("smw@cerulean-inc.com"),
	).Replace(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("token.txt"), []byte(server.Token()+"\n"), 0o600))
}
