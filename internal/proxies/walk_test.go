//go:build unix

package proxies_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
	"github.com/trillian-go/trillian/trilliantest/conformance"
)

const smw = "smw@cerulean-inc.com"

// through runs a test for every way through a program in front of the backend.
func (p program) through(t *testing.T, b *backend, test func(t *testing.T, way route), variant ...string) {
	t.Run(p.name, func(t *testing.T) {
		running := p.start(t, b.address(), variant...)
		for _, way := range running.routes() {
			t.Run(fmt.Sprintf("HTTP %d", way.proto), func(t *testing.T) { test(t, way) })
		}
	})
}

// TestWalk makes every operation through every program, with identifiers and files
// that a proxy could trip over.
func TestWalk(t *testing.T) {
	for _, p := range programs {
		b := newBackend(t)
		p.through(t, b, func(t *testing.T, way route) {
			note("program: %s: %s", p.name, p.versionOf())
			walk(t, b, way)
		})
	}
}

func walk(t *testing.T, b *backend, way route) {
	t.Run("operations", func(t *testing.T) { operations(t, b, way) })
	t.Run("identifiers", func(t *testing.T) { hardIdentifiers(t, way.client(t, b.Token())) })
	t.Run("media ids", func(t *testing.T) { mediaIDs(t, way.client(t, b.Token())) })
	t.Run("big file", func(t *testing.T) { bigFile(t, way.client(t, b.Token())) })
}

// operations are the 52, as conformance makes them.
func operations(t *testing.T, b *backend, way route) {
	before := b.requests.Load()
	report, err := conformance.Examine(t.Context(), conformance.Target{
		New:   func(opts ...trillian.Option) (*trillian.Client, error) { return way.client(t, b.Token(), opts...), nil },
		Write: true, Domain: "example.com", Sender: smw, SenderToken: trillian.Secret(b.TokenFor(smw)),
		Block: func(messages ...trillian.Message) []byte {
			var block []byte
			for _, m := range messages {
				block = append(strconv.AppendInt(block, m.Timestamp.UnixMilli(), 10), '\n')
			}
			return block
		},
	})
	require.NoError(t, err)
	require.Len(t, report, 52)
	for _, result := range report {
		require.NotEmpty(t, result.Checks, result.Title)
		for _, check := range result.Checks {
			require.Equal(t, conformance.Held, check.Outcome, "%s: %v", result.Title, check)
		}
	}
	note("walk: %-19s %d requests for 52 operations, %d checks held", way.name, b.requests.Load()-before, report.Count(conformance.Held))
}

// hardNames are what a proxy may read in its own way.
var hardNames = []string{
	"x#?&;=+,:$!'()*[]@x", "100%@x", "a%2Fb@x", "a%252Fb@x", "two words@x", "ünï🙂@x", `"quoted"@x`, "~.-_@x", "a|b^c`d{e}<f>@x", "x@x;v=1",
}

// hardIdentifiers holds that an identifier arrives as it was given.
func hardIdentifiers(t *testing.T, client *trillian.Client) {
	for _, name := range hardNames {
		user, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: name, Password: "secret", Email: "of " + name})
		require.NoError(t, err, name)
		require.Equal(t, name, user.Name)
		_, err = client.Users.Update(t.Context(), name, trillian.UserUpdate{Email: new("new " + name)})
		require.NoError(t, err, name)
		user, err = client.Users.Get(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, "new "+name, user.Email)
		require.NoError(t, client.Users.Delete(t.Context(), name), name)
		_, err = client.Users.Get(t.Context(), name)
		require.ErrorIs(t, err, trillian.ErrNotFound, name)
	}
}

// mediaIDs stores files until their ids had everything that Base64 has.
func mediaIDs(t *testing.T, client *trillian.Client) {
	seen := ""
	for i := 0; !strings.Contains(seen, "/") || !strings.Contains(seen, "+") || !strings.Contains(seen, "="); i++ {
		require.Less(t, i, 50, "ids: %s", seen)
		content := fmt.Sprintf("file %d", i)
		file, err := client.GroupChats.Media.Upload(t.Context(), trilliantest.SampleLaunch, trillian.MediaUpload{Name: "f.txt", Data: strings.NewReader(content)})
		require.NoError(t, err)
		seen += file.ID
		info, err := client.GroupChats.Media.Stat(t.Context(), trilliantest.SampleLaunch, file.ID)
		require.NoError(t, err)
		require.Equal(t, int64(len(content)), info.Size)
		var got strings.Builder
		_, err = client.GroupChats.Media.Download(t.Context(), trilliantest.SampleLaunch, file.ID, &got)
		require.NoError(t, err)
		require.Equal(t, content, got.String())
		require.NoError(t, client.GroupChats.Media.Delete(t.Context(), trilliantest.SampleLaunch, file.ID))
	}
}

// bigFile takes a file of 8 MiB up and down again.
func bigFile(t *testing.T, client *trillian.Client) {
	content := make([]byte, 8<<20)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(content) // never fails
	file, err := client.Users.Media.Upload(t.Context(), smw, trillian.MediaUpload{Name: "big.bin", Data: bytes.NewReader(content)})
	require.NoError(t, err)
	sum := crc32.NewIEEE()
	info, err := client.Users.Media.Download(t.Context(), smw, file.ID, sum)
	require.NoError(t, err)
	require.Equal(t, int64(len(content)), info.Size)
	require.Equal(t, crc32.ChecksumIEEE(content), sum.Sum32())
	require.NoError(t, client.Users.Media.Delete(t.Context(), smw, file.ID))
}
