package archive

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExport(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	update(t, newServer(t), path, Options{})
	archive := opened(t, path)
	all := records(t, path, Filter{})

	var lines bytes.Buffer
	require.NoError(t, WriteJSONL(&lines, archive.Records(t.Context(), Filter{})))
	require.Contains(t, lines.String(), `{"at":"2026-01-01T09:30:00.123Z","from":"kwk@cerulean-inc.com","text":"Who has the <budget> & the plan?","where":"Sales",`+
		`"conversation":"sales","owners":["#5b8fa79923cddcc8be3060bad620442f40749db6@cerulean-inc.com"],"year":2026,"week":0,"place":2}`+"\n")
	var read []Record
	for line := range strings.Lines(lines.String()) {
		var r Record
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		read = append(read, r)
	}
	require.Equal(t, all, read)

	var table bytes.Buffer
	require.NoError(t, WriteCSV(&table, archive.Records(t.Context(), Filter{Owner: kwk})))
	rows, err := csv.NewReader(&table).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	require.Equal(t, []string{"2026-01-21T09:30:00.123Z", smw, `'=1+1, "quoted"`, kwk + ", " + smw, "smw-kwk", kwk + " " + smw, "2026", "2", "0", ""}, rows[3])

	lines.Reset()
	require.NoError(t, WriteJSONL(&lines, archive.Records(t.Context(), Filter{Owner: kwk})))
	require.Contains(t, lines.String(), `"text":"=1+1, \"quoted\""`, "JSON has it as it was")

	require.ErrorIs(t, WriteCSV(fullDisk{}, archive.Records(t.Context(), Filter{})), errFull)
	require.ErrorIs(t, WriteJSONL(fullDisk{}, archive.Records(t.Context(), Filter{})), errFull)
}

var errFull = errors.New("no space")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
