package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

func TestWhatOthersTypedDoesNotActOnATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain, with ümläuts and 日本語": "plain, with ümläuts and 日本語",
		"\x1b[31mred\x1b[0m":          `\x1b[31mred\x1b[0m`,
		"two\nlines\tand a tab":       `two\nlines\tand a tab`,
		"abc\u202egnp.exe":            `abc\u202egnp.exe`,
		"\u009b31m":                   `\u009b31m`,
	} {
		require.Equal(t, want, visible(text))
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	day := func(n int) trillian.Timestamp {
		return trillian.Timestamp{Time: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)}
	}
	newTable := func() table {
		return table{columns: []string{"id", "name", "at"}, rows: [][]any{{10, "b", day(2)}, {9, "a", day(3)}, {100, "b", day(1)}}}
	}
	for by, want := range map[string][]int{
		"id":       {9, 10, 100}, // as numbers
		"-id":      {100, 10, 9},
		"at":       {100, 10, 9},
		"NAME,-id": {9, 100, 10},
		"-name":    {10, 100, 9}, // stable
	} {
		sorted := newTable()
		require.NoError(t, sorted.sort(strings.Split(by, ",")))
		var ids []int
		for _, row := range sorted.rows {
			ids = append(ids, row[0].(int))
		}
		require.Equal(t, want, ids, by)
	}
	require.ErrorIs(t, newTable().sort([]string{"size"}), errUsage)
}

func TestCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cell any
		text string
		json string
	}{
		{"a", "a", `"a"`},
		{7, "7", "7"},
		{int64(7), "7", "7"},
		{true, "true", "true"},
		{nil, "", "null"},
		{trillian.Timestamp{}, "", "null"},
		{trillian.Timestamp{Time: time.UnixMilli(1464200982855)}, "2016-05-25T18:29:42Z", `"2016-05-25T18:29:42.855Z"`},
		{[]string{"a", "b"}, "a,b", `["a","b"]`},
		{[]string(nil), "", "null"},
		{[]int{1, 2}, "1,2", "[1,2]"},
		{map[string]string{"b": "2", "a": "1"}, "a=1 b=2", `{"a":"1","b":"2"}`},
		{trillian.GroupChatDisableList, "DISABLE_LIST", `"DISABLE_LIST"`},
	} {
		require.Equal(t, c.text, cellText(c.cell))
		var out bytes.Buffer
		require.NoError(t, table{columns: []string{"c"}, rows: [][]any{{c.cell}}}.writeJSON(&out))
		require.JSONEq(t, `[{"c":`+c.json+`}]`, out.String())
	}
}

// A secret that a server answers in a field it should not have is not printed.
func TestSecretsAmongFields(t *testing.T) {
	t.Parallel()
	shown := withoutSecrets(map[string]string{"Password": "hunter2", "api_token": "hunter2", "department": "Sales"})
	require.Equal(t, map[string]string{"Password": "[redacted]", "api_token": "[redacted]", "department": "Sales"}, shown)
}
