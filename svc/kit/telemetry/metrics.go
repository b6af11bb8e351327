package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	grpcotel "google.golang.org/grpc/stats/opentelemetry"
)

// startMetrics makes the registry with everything in it that needs no call:
// the Go runtime, the process, the build, target_info.
func (t *Telemetry) startMetrics(about *resource.Resource, o Options) error {
	t.registry = prometheus.NewRegistry()
	t.instances = newInstanceMetrics()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
		t.instances,
	} {
		if err := t.registry.Register(c); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if o.LegacyMetrics {
		t.legacy = newLegacyMetrics()
		if err := t.registry.Register(t.legacy); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	exporter, err := otelprom.New(otelprom.WithRegisterer(t.registry), otelprom.WithoutScopeInfo())
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	// Exemplars are taken of measurements in sampled spans; that is the default.
	t.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(about))
	return nil
}

// grpcMetrics are grpc-go's own. Its server says "other" for methods that are
// not registered, its client for those whose name is not part of the program
// (grpc.StaticMethod).
func (t *Telemetry) grpcMetrics() grpcotel.Options {
	metrics := grpcotel.DefaultMetrics()
	if !t.sizes {
		metrics = metrics.Remove(
			grpcotel.ServerCallSentCompressedTotalMessageSizeMetricName,
			grpcotel.ServerCallRcvdCompressedTotalMessageSizeMetricName,
			grpcotel.ClientAttemptSentCompressedTotalMessageSizeMetricName,
			grpcotel.ClientAttemptRcvdCompressedTotalMessageSizeMetricName,
		)
	}
	return grpcotel.Options{MetricsOptions: grpcotel.MetricsOptions{MeterProvider: t.meters, Metrics: metrics}}
}
