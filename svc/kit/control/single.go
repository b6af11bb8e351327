package control

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/grpc/codes"

	controlv1 "github.com/gctl-dev/gctl/api/gctl/control/v1"
)

// Resources that exist once.
const (
	levelResource   = "log_level"
	servingResource = "serving"
	drainResource   = "drain"
)

// SetLogLevel implements gctl.control.v1.ControlService.
func (s *Server) SetLogLevel(ctx context.Context, r *controlv1.SetLogLevelRequest) (*controlv1.SetLogLevelResponse, error) {
	if s.options.Level == nil {
		return nil, noPart("log level")
	}
	level, set := levelOf(r.GetLevel())
	if !set {
		level = s.configured
	}
	var err error
	response := &controlv1.SetLogLevelResponse{}
	response.Change, err = s.change(ctx, r, wish{
		resource: levelResource, mutation: r.GetMutation(), value: strings.ToLower(level.String()), release: !set,
	}, func() (target, error) {
		to := func(level slog.Level) func() error {
			return func() error { s.options.Level.Set(level); return nil }
		}
		return target{read: s.level, apply: to(level), revert: to(s.configured)}, nil
	}, func() { response.Level = nearestLevel(s.options.Level.Level()) })
	if err != nil {
		return nil, err
	}
	return response, nil
}

func (s *Server) level() string { return strings.ToLower(s.options.Level.Level().String()) }

// levelOf returns false for the configured level.
func levelOf(l controlv1.LogLevel) (slog.Level, bool) {
	switch l {
	case controlv1.LogLevel_LOG_LEVEL_DEBUG:
		return slog.LevelDebug, true
	case controlv1.LogLevel_LOG_LEVEL_INFO:
		return slog.LevelInfo, true
	case controlv1.LogLevel_LOG_LEVEL_WARN:
		return slog.LevelWarn, true
	case controlv1.LogLevel_LOG_LEVEL_ERROR:
		return slog.LevelError, true
	default:
		return 0, false
	}
}

// nearestLevel returns the level of the API that lets through what l does of the
// standard ones.
func nearestLevel(l slog.Level) controlv1.LogLevel {
	switch {
	case l <= slog.LevelDebug:
		return controlv1.LogLevel_LOG_LEVEL_DEBUG
	case l <= slog.LevelInfo:
		return controlv1.LogLevel_LOG_LEVEL_INFO
	case l <= slog.LevelWarn:
		return controlv1.LogLevel_LOG_LEVEL_WARN
	default:
		return controlv1.LogLevel_LOG_LEVEL_ERROR
	}
}

// SetServing implements gctl.control.v1.ControlService.
func (s *Server) SetServing(ctx context.Context, r *controlv1.SetServingRequest) (*controlv1.SetServingResponse, error) {
	if s.options.Serving == nil {
		return nil, noPart("health")
	}
	var err error
	response := &controlv1.SetServingResponse{}
	response.Change, err = s.change(ctx, r, wish{
		resource: servingResource, mutation: r.GetMutation(), value: servingName(r.GetServing()), release: r.GetServing(),
	}, func() (target, error) {
		if s.draining != nil {
			return target{}, fail(codes.FailedPrecondition, ReasonDraining, "the instance drains: it is out of traffic for good", nil)
		}
		return target{
			read:   s.serving,
			apply:  func() error { return s.setServing(false) },
			revert: func() error { return s.setServing(true) },
		}, nil
	}, func() { response.Serving = !s.quarantined })
	if err != nil {
		return nil, err
	}
	return response, nil
}

// setServing changes what health says, unless a drain has decided that; the lock
// of the ledger is held.
func (s *Server) setServing(serving bool) error {
	s.quarantined = !serving
	if s.draining == nil {
		s.options.Serving(serving)
	}
	return nil
}

func (s *Server) serving() string { return servingName(!s.quarantined) }

func servingName(serving bool) string {
	if serving {
		return "serving"
	}
	return "not_serving"
}
