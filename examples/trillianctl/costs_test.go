package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/trilliantest"
)

var costRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]*\\| ([0-9]+) \\|$")

// What the README says that a command costs is what the server counts.
func TestTheREADMEsCosts(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := costRow.FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, rows)
	picture := filepath.Join(t.TempDir(), "picture.png")
	require.NoError(t, os.WriteFile(picture, []byte("\x89PNG\r\n\x1a\n"), 0o600))
	people := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(people, []byte("address,chats\nnew@cerulean-inc.com,General\n"), 0o600))
	for _, row := range rows {
		t.Run(row[1], func(t *testing.T) {
			t.Parallel()
			var args []string
			for _, word := range strings.Fields(row[1]) {
				switch word {
				case "CHAT":
					word = trilliantest.SampleLaunch
				case "CONVERSATION":
					word = trilliantest.SampleConversation
				case "ITEM":
					word = "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs="
				case "FILE":
					word = picture
				case "PEOPLE":
					word = people
				case "OUT":
					word = filepath.Join(t.TempDir(), "out")
				}
				args = append(args, word)
			}
			var out, errs bytes.Buffer
			a := newApp(strings.NewReader(""), &out, &errs)
			require.Zero(t, run(t.Context(), a, append(args, "--fake", "--yes")), errs.String())
			want, err := strconv.Atoi(row[2])
			require.NoError(t, err)
			require.Len(t, a.server.Requests(), want, a.server.Log())
		})
	}
}
