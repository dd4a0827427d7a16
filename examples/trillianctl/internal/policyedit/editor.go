package policyedit

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/trillian-go/trillian"
)

// Editor is the command that edits a file, and the streams that it runs on.
type Editor struct {
	Command        string // as in $EDITOR, with arguments; "" is vi
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Draft is a policy's data in a file that only its owner may read. It stays until
// Remove, so that what was typed is not lost when it cannot be written.
type Draft struct {
	Path string

	original trillian.PolicyData
	shown    string // what was written to the file
}

// NewDraft writes data to a file of its own.
func NewDraft(data trillian.PolicyData) (*Draft, error) {
	file, err := os.CreateTemp("", "trillian-policy-*.txt") // of mode 0600
	if err != nil {
		return nil, err
	}
	d := &Draft{Path: file.Name(), original: data, shown: string(data)}
	if d.shown != "" && !strings.HasSuffix(d.shown, "\n") {
		d.shown += "\n" // editors add it, which must not look like a change
	}
	_, err = io.WriteString(file, d.shown)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		d.Remove()
		return nil, err
	}
	return d, nil
}

// Edit runs the editor, which no interrupt ends but its own, and returns what the file has then: the original data, byte
// for byte, where nothing was changed.
func (d *Draft) Edit(e Editor) (trillian.PolicyData, error) {
	cmd := e.command(d.Path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.Stdin, e.Stdout, e.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("the editor failed: %w", err)
	}
	text, err := os.ReadFile(d.Path)
	if err != nil {
		return "", err
	}
	if string(text) == d.shown {
		return d.original, nil
	}
	return trillian.PolicyData(text), nil
}

// command lets a shell read the command, as other programs do with $EDITOR.
func (e Editor) command(path string) *exec.Cmd {
	command := e.Command
	if command == "" {
		command = "vi"
	}
	if runtime.GOOS == "windows" {
		words := append(strings.Fields(command), path)
		return exec.Command(words[0], words[1:]...)
	}
	return exec.Command("sh", "-c", command+` "$@"`, "sh", path)
}

// Remove deletes the file.
func (d *Draft) Remove() { _ = os.Remove(d.Path) }
