package archive

import (
	"context"
	"os"
	"time"

	"github.com/trillian-go/trillian"
)

func downloadFile(ctx context.Context, s *trillian.MediaService, owner string, item trillian.Media, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = s.Download(ctx, owner, item.ID, f)
	return err
}

func reaches(o trillian.HistoryOptions, w trillian.MessageWeek) bool {
	const lastWeek, margin = 54, 14
	if w.Week > lastWeek {
		return true
	}
	day := time.Date(w.Year, time.January, 1+7*w.Week, 0, 0, 0, 0, time.UTC)
	from, to := day.AddDate(0, 0, -10-margin), day.AddDate(0, 0, 3+7+margin)
	return (o.Since.IsZero() || to.After(o.Since)) && (o.Until.IsZero() || from.Before(o.Until))
}
