package spreadsheet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/spreadsheet"
)

func TestSafe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "",
		"see you":            "see you",
		"1+1=2":              "1+1=2",
		"'quoted'":           "'quoted'",
		"\xff=":              "\xff=",
		`=HYPERLINK("x")`:    `'=HYPERLINK("x")`,
		"+1 555":             "'+1 555",
		"-":                  "'-",
		"@SUM(A1)":           "'@SUM(A1)",
		"\t=1+1":             "'\t=1+1",
		"\r=1+1":             "'\r=1+1",
		"\n=1+1":             "'\n=1+1",
		"＝1+1":               "'＝1+1",
		"#5b8f@cerulean.com": "#5b8f@cerulean.com",
	} {
		require.Equal(t, want, spreadsheet.Safe(text))
		require.Equal(t, text, spreadsheet.Plain(want))
	}
}
