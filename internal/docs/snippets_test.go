package docs

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// imported is what a snippet may use without saying so.
var imported = []string{
	"bytes", "context", "encoding/json", "errors", "fmt", "io", "iter", "log", "log/slog", "net/http", "os", "strings", "sync", "sync/atomic", "testing", "time",
	"github.com/jarcoal/httpmock", "github.com/stretchr/testify/require",
	"github.com/trillian-go/trillian", "github.com/trillian-go/trillian/trilliantest",
}

// given are the variables that a snippet of statements finds.
const given = `ctx context.Context, client *trillian.Client, server *trilliantest.Server, t *testing.T, ` +
	`token, senderToken, chat, user string, file *os.File, logger *slog.Logger, caPool *x509.CertPool`

// TestSnippets type-checks every Go snippet of the documentation. A variable that is
// not used is no mistake there.
func TestSnippets(t *testing.T) {
	t.Parallel()
	checked := 0
	files := token.NewFileSet()
	importer := exportData(t, files)
	for _, path := range documents(t) {
		if strings.Contains(path, "examples/") {
			continue // modules of their own
		}
		for i, found := range fence.FindAllStringSubmatch(read(t, path), -1) {
			if found[1] != "go" {
				continue
			}
			name := fmt.Sprintf("%s, snippet %d", strings.TrimPrefix(path, root+"/"), i+1)
			checked++
			if strings.HasPrefix(found[2], "// ") { // it is the package's own
				require.Contains(t, sources(t), found[2], name)
				continue
			}
			file, err := parser.ParseFile(files, name, program(found[2]), 0)
			require.NoError(t, err)
			config := types.Config{Importer: importer, Error: func(err error) {
				if failure := err.(types.Error); !failure.Soft {
					t.Errorf("%s: %s\n%s", name, failure.Msg, found[2])
				}
			}}
			_, _ = config.Check(name, files, []*ast.File{file}, nil)
		}
	}
	require.NotZero(t, checked)
}

// sources is the text of the package.
func sources(t *testing.T) string {
	paths, err := filepath.Glob(filepath.Join(root, "*.go"))
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range paths {
		all.WriteString(read(t, path))
	}
	return all.String()
}

// program makes a file of a snippet: of a whole one, of declarations, or of
// statements.
func program(snippet string) string {
	if strings.HasPrefix(snippet, "package ") {
		return snippet
	}
	var b strings.Builder
	b.WriteString("package snippet\nimport (\n\"crypto/x509\"\n")
	for _, path := range imported {
		fmt.Fprintf(&b, "%q\n", path)
	}
	b.WriteString(")\n")
	for _, start := range []string{"func ", "type ", "var ", "const "} {
		if strings.HasPrefix(snippet, start) {
			return b.String() + snippet
		}
	}
	if opened := strings.Count(snippet, "{") - strings.Count(snippet, "}"); opened > 0 {
		snippet += strings.Repeat("\n}", opened) // a loop of which only the head is shown
	}
	return b.String() + "func _(" + given + ") error {\n{\n" + snippet + "\n}\nreturn nil\n}\n"
}

// exportData imports packages from what the compiler wrote of them.
func exportData(t *testing.T, files *token.FileSet) types.Importer {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "crypto/x509"}, imported...)
	list := exec.Command("go", args...)
	list.Dir = filepath.FromSlash(root)
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, export, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[path] = export
	}
	return importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("a snippet imports %q: add it to the list", path)
		}
		return os.Open(exports[path])
	})
}
