package trilliantest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// outside makes a module elsewhere that has the program of testdata/onboarding
// and this checkout, and runs go in it, offline.
func outside(t *testing.T) func(args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a module")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/onboarding")))
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		if name == "go.mod" {
			ours := strings.Replace(string(text), "module github.com/trillian-go/trillian", "module example.com/onboarding", 1)
			text = []byte(ours + "\nrequire github.com/trillian-go/trillian v0.0.0\n\nreplace github.com/trillian-go/trillian => " + root + "\n")
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	return func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		var problems strings.Builder // go's own remarks are no part of what it lists
		cmd.Stderr = &problems
		out, err := cmd.Output()
		require.NoError(t, err, "go %v\n%s%s", args, out, &problems)
		return string(out)
	}
}

// TestProgramOutside runs the tests of a program in a module of its own, in the
// three ways that the package documentation shows.
func TestProgramOutside(t *testing.T) {
	t.Parallel()
	run := outside(t)
	require.Contains(t, run("test", "-count=1", "./..."), "ok")
}

// TestLinkedModules counts what a program, and a test with this package, brings.
func TestLinkedModules(t *testing.T) {
	t.Parallel()
	run := outside(t)
	want := []string{"github.com/google/go-querystring", "github.com/hashicorp/go-cleanhttp", "github.com/hashicorp/go-retryablehttp"}
	for _, pkg := range []string{
		".", "github.com/trillian-go/trillian", "github.com/trillian-go/trillian/trilliantest", "github.com/trillian-go/trillian/trilliantest/conformance",
	} {
		linked := map[string]bool{}
		for _, module := range strings.Fields(run("list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", pkg)) {
			linked[module] = true
		}
		delete(linked, "github.com/trillian-go/trillian")
		delete(linked, "example.com/onboarding")
		require.Len(t, linked, len(want), "%s: %v", pkg, linked)
		for _, module := range want {
			require.True(t, linked[module], "%s: %v", pkg, linked)
		}
	}
}
