package prom

import "testing"

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1.5,"NaN"]}]}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]],"histograms":[[1,{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}]]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1,"+Inf"]}}`,
		`{"status":"error","errorType":"bad_data","error":"1:1: parse error"}`,
		`{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, `[]`, ``,
	} {
		f.Add(400, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a, err := decode(status, body)
		if err != nil && len(a.series) > 0 {
			t.Errorf("%v, and %d series", err, len(a.series))
		}
		for _, s := range a.series {
			for _, p := range s.points {
				if p.histogram != nil {
					p.histogram.intervals()
				}
			}
		}
	})
}

func TestDecodeHistograms(t *testing.T) {
	a, err := decode(200, []byte(`{"status":"success","warnings":["w"],"data":{"resultType":"vector","result":[
		{"metric":{"job":"x"},"histogram":[2.5,{"count":"3","sum":"4","buckets":[[3,"-0.001","0.001","1"],[0,"1","2","2"]]}]}]}}`))
	if err != nil || len(a.series) != 1 || a.warnings[0] != "w" {
		t.Fatalf("%+v, %v", a, err)
	}
	p := a.series[0].points[0]
	if got := p.histogram.intervals(); p.at.UnixMilli() != 2500 || p.value != 4 || len(got) != 2 || got[1].Low != 1 || got[1].High != 2 || got[1].Rate != 2 {
		t.Errorf("%+v %+v", p, got)
	}
}
