package people_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/examples/trillianctl/internal/people"
	"github.com/trillian-go/trillian/trilliantest"
)

// A file of 10,000 rows: of the 1,000 users that there are already some are
// changed, some removed and some left alone, and 9,000 are new; everyone is to be
// in General, and every tenth in Sales.
const (
	rowsAtScale  = 10_000
	usersAtScale = 1_000
)

func companyAtScale() []trilliantest.Option {
	var users []trillian.User
	var members []trillian.Member
	for i := range usersAtScale {
		name := addressAtScale(i)
		users = append(users, trillian.User{Name: name, DisplayName: fmt.Sprint("User ", i)})
		if i%2 == 0 {
			members = append(members, trillian.Member{Name: name, Flags: trillian.MemberFlags(i / 2 % 3)}) // plain, operators, with a voice
		}
	}
	return []trilliantest.Option{
		trilliantest.WithUsers(users...),
		trilliantest.WithGroupChats(
			trillian.GroupChat{Name: general, DisplayName: "General", Members: trillian.Collection[trillian.Member]{Items: members}},
			trillian.GroupChat{Name: sales, DisplayName: "Sales"},
		),
	}
}

func addressAtScale(i int) string { return fmt.Sprintf("user%d@example.com", i) }

func fileAtScale() string {
	var b strings.Builder
	b.WriteString("address,display_name,email,state,chats\n")
	for i := range rowsAtScale {
		displayName, state, chats := fmt.Sprint("User ", i), "active", "General"
		switch {
		case i < usersAtScale && i%10 == 3:
			state = "removed"
		case i < usersAtScale && i%10 < 3:
			displayName += " changed"
		}
		if i%10 == 0 {
			chats += "|Sales"
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", addressAtScale(i), displayName, addressAtScale(i), state, chats)
	}
	return b.String()
}

// stateOf is all that the file is about, in order: who comes first depends on the
// network.
func stateOf(t *testing.T, client *trillian.Client) (users []trillian.User, chats map[string][]trillian.Member) {
	t.Helper()
	users, err := client.Users.List(t.Context())
	require.NoError(t, err)
	slices.SortFunc(users, func(a, b trillian.User) int { return cmp.Compare(a.Name, b.Name) })
	chats = map[string][]trillian.Member{}
	for _, name := range []string{general, sales} {
		members, err := client.GroupChats.Members.List(t.Context(), name)
		require.NoError(t, err)
		slices.SortFunc(members, func(a, b trillian.Member) int { return cmp.Compare(a.Name, b.Name) })
		chats[name] = members
	}
	return users, chats
}

func TestTenThousandRowsOverABadConnection(t *testing.T) {
	if testing.Short() {
		t.Skip("it sends 40,000 requests")
	}
	t.Parallel()
	rows := read(t, fileAtScale())
	apply := func(server *trilliantest.Server) *trillian.Client {
		client := server.Client()
		p := plan(t, client, rows, people.Options{})
		journal := open(t, filepath.Join(t.TempDir(), "results.csv"), false)
		results, err := people.Apply(t.Context(), client, p, journal, people.Options{Concurrency: 4})
		require.NoError(t, err)
		require.NoError(t, journal.Finish())
		for _, r := range results {
			require.Equal(t, people.Done, r.Outcome, "%d %s: %v", r.Line, r.Action, r.Err)
		}
		require.Zero(t, plan(t, client, rows, people.Options{}).Changes(), "applied again to nothing")
		return client
	}
	good := trilliantest.NewServer(t, companyAtScale()...)
	wantUsers, wantChats := stateOf(t, apply(good))

	bad := trilliantest.NewServer(t, companyAtScale()...)
	faults := [][]trilliantest.Fault{
		{trilliantest.DropAfter()},
		{trilliantest.DropBefore()},
		{trilliantest.Truncate(10)},
		{trilliantest.Status(504), trilliantest.CarriedOut()},
		{trilliantest.Status(503)},
	}
	var injected []*trilliantest.Injection
	for _, verb := range []string{"POST", "PATCH", "DELETE"} {
		for i, f := range faults { // each one in fifty, together one in ten
			injected = append(injected, bad.Inject(verb+" /{any...}", f...).Every(10*len(faults)).After(10*i).Always())
		}
	}
	bad.Inject("GET /{any...}", trilliantest.DropAfter()).Every(10).Always()
	client := apply(bad)
	sent, met := 0, 0
	for _, r := range bad.Requests() {
		require.NotEqual(t, 400, r.Status, "%v: it was there already, and so it was repeated blindly", r)
		if r.Method != "GET" {
			sent++
		}
	}
	for _, i := range injected {
		met += i.Met()
	}
	t.Logf("%d of %d requests that change something failed", met, sent)
	require.Greater(t, met*11, sent)
	users, chats := stateOf(t, client)
	require.Equal(t, wantUsers, users)
	require.Equal(t, wantChats, chats)
}
