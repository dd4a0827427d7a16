package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func TestADryRunPrintsInsteadOfSending(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	var out bytes.Buffer
	client := server.Client(trillian.WithMiddleware(printInstead(&out)))

	_, err := client.Users.Create(t.Context(), trillian.UserCreate{IM: "new@cerulean-inc.com", Password: "hunter2"})
	require.ErrorIs(t, err, errDryRun)
	require.NotErrorIs(t, err, trillian.ErrOutcomeUnknown)
	require.Equal(t, "POST "+server.BaseURL()+"users/\n  im=new@cerulean-inc.com\n  password=[redacted]\n", out.String())

	_, err = client.Users.List(t.Context()) // names are resolved
	require.NoError(t, err)
	require.Len(t, server.Requests(), 1)
}

func TestADryRunCutsFilesShort(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	var out bytes.Buffer
	client := server.Client(trillian.WithMiddleware(printInstead(&out)))
	_, err := client.Users.Media.Upload(t.Context(), "smw@cerulean-inc.com", trillian.MediaUpload{
		Name: "a&b.bin", Type: "application/octet-stream", Data: bytes.NewReader(make([]byte, 30_000)),
	})
	require.ErrorIs(t, err, errDryRun)
	require.Contains(t, out.String(), "\n  data=… (40000 bytes)\n")
	require.Contains(t, out.String(), "\n  name=a&b.bin\n")
	require.Less(t, out.Len(), 400)
	require.Empty(t, server.Requests())
}

func TestWhatADryRunPrintsDoesNotActOnATerminal(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	var out bytes.Buffer
	client := server.Client(trillian.WithMiddleware(printInstead(&out)))
	_, err := client.GroupChats.Create(t.Context(), trillian.GroupChatCreate{DisplayName: "\x1b[2J"})
	require.ErrorIs(t, err, errDryRun)
	require.False(t, strings.Contains(out.String(), "\x1b"))
}
