// Package docs holds the documentation to what is so. It has tests only.
package docs

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

var update = flag.Bool("update", false, "write testdata/api.txt anew")

// publicPackages are those whose names are a promise.
var publicPackages = []string{".", "trilliantest", "trilliantest/conformance"}

func parsePackage(t *testing.T, dir string) (*doc.Package, *token.FileSet) {
	t.Helper()
	files := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	require.NoError(t, err)
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
		require.NoError(t, err)
		parsed = append(parsed, file)
	}
	p, err := doc.NewFromFiles(files, parsed, "github.com/trillian-go/trillian/"+dir)
	require.NoError(t, err)
	return p, files
}

// TestPublicAPI compares every exported name and its type with testdata/api.txt, so
// that a change of the API shows in review.
func TestPublicAPI(t *testing.T) {
	t.Parallel()
	var api strings.Builder
	for _, dir := range publicPackages {
		p, files := parsePackage(t, dir)
		api.WriteString("package " + p.Name + "\n\n" + strings.Join(declarations(t, p, files), "\n") + "\n\n")
	}
	path := filepath.Join(root, "testdata", "api.txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(api.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	var changes []string
	for line := range diff(string(want), api.String()) {
		changes = append(changes, line)
	}
	require.Empty(t, changes, "the public API has changed: go test ./internal/docs -update")
}

// diff yields the lines that only one of the texts has.
func diff(before, after string) iter.Seq[string] {
	return func(yield func(string) bool) {
		was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
		for _, line := range was {
			if !slices.Contains(is, line) && !yield("- "+line) {
				return
			}
		}
		for _, line := range is {
			if !slices.Contains(was, line) && !yield("+ "+line) {
				return
			}
		}
	}
}

// declarations are all exported declarations, without comments and bodies, sorted.
func declarations(t *testing.T, p *doc.Package, files *token.FileSet) []string {
	var all []string
	add := func(node ast.Node) {
		var b bytes.Buffer
		config := printer.Config{Mode: printer.UseSpaces, Tabwidth: 1}
		require.NoError(t, config.Fprint(&b, files, node))
		all = append(all, b.String())
	}
	values := func(groups []*doc.Value) {
		for _, group := range groups {
			group.Decl.Doc = nil
			for _, spec := range group.Decl.Specs {
				value := spec.(*ast.ValueSpec)
				value.Doc, value.Comment = nil, nil
				if slices.ContainsFunc(value.Names, (*ast.Ident).IsExported) {
					add(&ast.GenDecl{Tok: group.Decl.Tok, Specs: []ast.Spec{value}})
				}
			}
		}
	}
	funcs := func(list []*doc.Func) {
		for _, f := range list {
			f.Decl.Doc, f.Decl.Body = nil, nil
			add(f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		for _, spec := range typ.Decl.Specs {
			spec := spec.(*ast.TypeSpec)
			spec.Doc, spec.Comment = nil, nil
			if fields, ok := spec.Type.(*ast.StructType); ok {
				withoutComments(fields)
			}
			add(&ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{spec}})
		}
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	slices.Sort(all)
	return all
}

// withoutComments leaves the exported fields, and says whether there are others.
func withoutComments(typ *ast.StructType) {
	var exported []*ast.Field
	for _, field := range typ.Fields.List {
		field.Doc, field.Comment = nil, nil
		if len(field.Names) == 0 || slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
			exported = append(exported, field)
		}
	}
	typ.Fields.List = exported
}

// TestDocComments asks for a comment at every exported name, and at every method of
// a service for the operation of the reference that it stands for.
func TestDocComments(t *testing.T) {
	t.Parallel()
	for _, dir := range publicPackages {
		p, _ := parsePackage(t, dir)
		require.NotEmpty(t, p.Doc, dir)
		commented := func(name, text string) {
			require.NotEmpty(t, text, "%s.%s has no doc comment", p.Name, name)
		}
		for _, f := range p.Funcs {
			commented(f.Name, f.Doc)
		}
		for _, typ := range p.Types {
			commented(typ.Name, typ.Doc)
			for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
				commented(typ.Name+"."+f.Name, f.Doc)
				if dir == "." && strings.HasSuffix(typ.Name, "Service") {
					require.Contains(t, f.Doc, "Trillian API: ", "%s.%s names no operation", typ.Name, f.Name)
				}
			}
			for _, group := range slices.Concat(typ.Consts, typ.Vars) {
				commentedValues(t, group)
			}
		}
		for _, group := range slices.Concat(p.Consts, p.Vars) {
			commentedValues(t, group)
		}
	}
}

// commentedValues takes a comment at the group for one at each of its names.
func commentedValues(t *testing.T, group *doc.Value) {
	t.Helper()
	if group.Doc != "" {
		return
	}
	for _, spec := range group.Decl.Specs {
		spec := spec.(*ast.ValueSpec)
		require.True(t, !spec.Names[0].IsExported() || spec.Doc != nil || spec.Comment != nil, "%s has no doc comment", spec.Names[0].Name)
	}
}

// documents are the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var paths []string
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." && path != root && entry.Name() != ".github" {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	}))
	require.NotEmpty(t, paths)
	return paths
}
