//! What a log can invent does not grow memory without end.

use costtop::alarm::anomaly::Charge;
use costtop::alarm::{Alarms, Anomalies};
use costtop::config::DetectorsConfig;
use costtop::time::Zone;

use crate::company::{Company, Request, start};

#[test]
fn users_and_features_without_end_are_bounded() {
    let mut company = Company::ordinary(1, 0);
    let (mut anomalies, mut alarms) = (Anomalies::new(DetectorsConfig::ALL, Zone::UTC), Alarms::default());
    let mut sizes = Vec::new();
    for number in 0..60_000 {
        let (user, feature) = (format!("user-{number}"), format!("feature-{number}"));
        let time = start().plus_ms(number * 10);
        company.request(Request {
            time,
            user: &user,
            feature: &feature,
            prompt: 1e4,
            cached: 0.5,
            output: 100.0,
            failed: false,
        });
        let charge = Charge::of(&company.posts.pop().unwrap());
        anomalies.fold(&charge, &company.names, time, &mut alarms);
        if number % 20_000 == 19_999 {
            sizes.push(anomalies.save().len());
        }
    }
    assert!(sizes[2] < sizes[0] + sizes[0] / 10, "{sizes:?}");
    assert_eq!(alarms.statuses(), [], "strangers are no alarm");
}
