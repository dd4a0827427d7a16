package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/trillian-go/trillian"
)

// passwordFlags say where a password comes from: never from the command line,
// which every process of the machine can read.
type passwordFlags struct {
	file string
	ask  bool
}

func (p *passwordFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "password-file", "", "`file` with the user's password, - for standard input")
	cmd.Flags().BoolVar(&p.ask, "ask-password", false, "ask for the user's password on the terminal")
	cmd.MarkFlagsMutuallyExclusive("password-file", "ask-password")
}

// read returns the password, "" where none is wanted. The end of its last line is
// not part of it.
func (p *passwordFlags) read(a *app) (trillian.Secret, error) {
	switch {
	case p.ask:
		return a.askPassword()
	case p.file == "":
		return "", nil
	}
	text, err := a.readInput(p.file)
	if err != nil {
		return "", err
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return "", usageErrorf("--password-file %s: there is no password in it", p.file)
	}
	return trillian.Secret(password), nil
}

func (a *app) askPassword() (trillian.Secret, error) {
	if !isTerminal(a.stdin) {
		return "", usageErrorf("--ask-password: there is no terminal to ask on; --password-file takes a file")
	}
	fd := int(a.stdin.(*os.File).Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	var typed [2][]byte
	for i, prompt := range []string{"Password: ", "Again: "} {
		fmt.Fprint(a.stderr, prompt)
		typed[i], err = untilInterrupt(a.ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
		fmt.Fprintln(a.stderr)
		if err != nil {
			_ = term.Restore(fd, before) // an interrupt has left it without an echo
			return "", err
		}
	}
	if len(typed[0]) == 0 || string(typed[0]) != string(typed[1]) {
		return "", usageErrorf("the passwords are empty, or not the same")
	}
	return trillian.Secret(typed[0]), nil
}
