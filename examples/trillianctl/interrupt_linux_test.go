package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"github.com/trillian-go/trillian/trilliantest"
)

// openTerminal returns the two ends of a terminal that nobody types at.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals: ", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	ioctl := func(request uintptr, n *int32) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, keyboard.Fd(), request, uintptr(unsafe.Pointer(n)))
		require.Zero(t, errno)
	}
	var locked, number int32
	ioctl(syscall.TIOCSPTLCK, &locked)
	ioctl(syscall.TIOCGPTN, &number)
	terminal, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// An interrupt ends a command also where it waits for somebody to type, and leaves a
// terminal that shows what is typed.
func TestInterruptedWhileItWaits(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"an answer":  {"users", "delete", "smw@cerulean-inc.com"},
		"a password": {"users", "create", "new@cerulean-inc.com", "--ask-password"},
		"a policy":   {"policies", "update", "1", "--data-file", "-"},
		"people":     {"users", "apply", "-", "--results", "results.csv"},
		"a message":  {"messages", "send", "kwk@cerulean-inc.com", "-", "--from", "smw@cerulean-inc.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyboard, terminal := openTerminal(t)
			before, err := term.GetState(int(terminal.Fd()))
			require.NoError(t, err)
			ctx, cancel := context.WithCancelCause(t.Context())
			var stdout, stderr bytes.Buffer
			code := make(chan int, 1)
			go func() { code <- run(ctx, newApp(terminal, &stdout, &stderr), append([]string{"--fake"}, args...)) }()
			time.Sleep(200 * time.Millisecond) // it waits
			cancel(errors.New("interrupt signal received"))
			select {
			case got := <-code:
				require.NotZero(t, got)
				require.Contains(t, stderr.String(), "interrupt signal received\n")
			case <-time.After(time.Minute):
				t.Error("it still waits")
			}
			after, err := term.GetState(int(terminal.Fd()))
			require.NoError(t, err)
			require.Equal(t, before, after)
			_, err = keyboard.WriteString("\n\n") // what was left behind reads it
			require.NoError(t, err)
		})
	}
}

// After an interrupt users apply still looks at what was done. Who does not want to wait
// for that interrupts it again.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
	server.Inject("POST /users/", trilliantest.Delay(time.Hour))
	server.Inject("GET /users/", trilliantest.Delay(time.Hour)).After(2) // before the plan, and before its steps
	file := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(file, []byte("address\nnew@cerulean-inc.com\n"), 0o600))
	cmd := program(t, server, "users", "apply", file, "--yes")
	require.NoError(t, cmd.Start())
	asked := func(n int, pattern string) {
		require.Eventually(t, func() bool { return len(server.RequestsTo(pattern)) == n }, time.Minute, time.Millisecond)
	}
	asked(1, "POST /users/")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	asked(3, "GET /users/")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	require.Eventually(t, func() bool {
		_ = cmd.Process.Signal(os.Interrupt) // the first ones may come before the program lets go of them
		return len(ended) == 1
	}, time.Minute, 50*time.Millisecond)
	require.EqualError(t, <-ended, "signal: interrupt")
}
