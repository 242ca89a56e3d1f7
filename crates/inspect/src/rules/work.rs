//! Office, design, identity, networks, hardware.

use cordon_domain::{Confidence, Severity};

use crate::rule::{Spec, token};

#[rustfmt::skip]
pub(crate) const RULES: &[Spec] = &[
    token("linear-api-key", "Linear key", &["lin_api_", "lin_oauth_", "lin_wh_"], r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{40,64}", "linear.app/settings/api"),
    token("figma-token", "Figma token", &["figd_", "figdh_", "figu_", "figo_", "figor_", "figoh_"], r"fig(?:dh|d|u|oh|o|or)_[\w-]{40,60}", "figma.com/settings"),
    token("asana-token", "Asana token", &["1/1", "2/1"], r"[12]/1\d{12,16}(?:/\d{13,17})?:[0-9a-f]{32}", "app.asana.com/0/my-apps"),
    token("clickup-token", "ClickUp token", &["pk_"], r"pk_\d{6,9}_[A-Z0-9]{32}", "app.clickup.com/settings/apps"),
    token("dropbox-token", "Dropbox access token", &["sl."], r"sl\.(?:u\.)?[\w-]{130,}", "dropbox.com/developers/apps"),
    token("dropbox-long-lived-token", "Dropbox long-lived token", &["AAAAAAAAAA"], r"[a-z0-9]{11}AAAAAAAAAA[a-z0-9_=-]{43}", "dropbox.com/developers/apps").around(12, 60),
    token("postman-key", "Postman key", &["PMAK-", "PMAT-"], r"(?:PMAK-[a-f0-9]{24}-[a-f0-9]{34}|PMAT-[A-Z0-9]{26})", "go.postman.co/settings/me/api-keys"),
    token("typeform-token", "Typeform token", &["tfp_"], r"tfp_[\w.=-]{44,60}", "admin.typeform.com/user/tokens").random(),
    token("hubspot-token", "HubSpot private app token", &["pat-na1-", "pat-eu1-", "pat-na2-", "pat-ap1-"], r"pat-(?:na1|na2|eu1|ap1)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "app.hubspot.com/private-apps"),
    token("salesforce-token", "Salesforce session", &["00D"], r"00D[A-Za-z0-9]{12,15}![\w.]{80,120}", "your org, setup, session management"),
    token("okta-token", "Okta API token", &["okta", "ssws"], r"(?i)(?:okta|ssws).{0,40}?[\x22'=: ](00[\w-]{40})\b", "your org, security, API, tokens").critical().random(),
    token("stytch-secret", "Stytch secret", &["secret-live-", "secret-test-"], r"secret-(?:live|test)-[\w-]{36,48}=?", "stytch.com/dashboard").critical(),
    token("workos-key", "WorkOS key", &["sk_live_", "sk_test_"], r"sk_(?:live|test)_a[A-Za-z0-9]{80,120}", "dashboard.workos.com").random(),
    token("readme-key", "ReadMe key", &["rdme_"], r"rdme_[a-z0-9]{70}", "dash.readme.com"),
    token("retool-token", "Retool token", &["retool_"], r"retool_[A-Za-z0-9]{26,40}", "your Retool, settings, API"),
    token("frame-io-token", "Frame.io token", &["fio-u-"], r"fio-u-[\w=-]{64}", "developer.frame.io"),
    token("scalingo-token", "Scalingo token", &["tk-us-"], r"tk-us-[\w-]{48}", "dashboard.scalingo.com/account/tokens"),
    token("cloudinary-url", "Cloudinary URL", &["cloudinary://"], r"cloudinary://(\d{10,20}:[\w-]{20,40})@[\w-]+", "console.cloudinary.com/settings/api-keys"),
    token("authress-key", "Authress service key", &["sc_", "ext_", "scauth_", "authress_"], r"(?:sc|ext|scauth|authress)_(?i)[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[a-z0-9+/_=-]{30,120}", "authress.io/app"),
    token("storychief-key", "Storychief key", &["storychief"], r"(?i)storychief.{0,20}?[\x22'=: ](eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,})", "app.storychief.io").severity(Severity::Medium),
    token("adobe-client-secret", "Adobe client secret", &["p8e-"], r"p8e-[\w-]{32}", "developer.adobe.com/console"),
    token("opsgenie-key", "Statuspage or Opsgenie key", &["opsgenie", "statuspage"], r"(?i)(?:opsgenie|statuspage).{0,40}?[\x22'=: ]([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", "id.atlassian.com").random().sure(Confidence::Medium),
    token("zuplo-key", "Zuplo key", &["zpka_"], r"zpka_[a-z0-9]{32}_[a-z0-9]{8}", "portal.zuplo.com"),
    token("budibase-key", "Budibase key", &["budi"], r"\b[0-9a-f]{32}-[0-9a-f]{78,80}\b", "your Budibase").around(10, 140),
    token("kagi-api-key", "Kagi key", &["kagi"], r"(?i)kagi.{0,20}?[\x22'=: ]([\w-]{8,16}\.[\w-]{43,60})", "kagi.com/settings"),
    token("branchio-key", "Branch key", &["key_live_", "key_test_"], r"key_(?:live|test)_[A-Za-z0-9]{32}", "dashboard.branch.io").severity(Severity::Low),
    token("stackhawk-key", "Stackhawk key", &["hawk."], r"hawk\.[A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}", "app.stackhawk.com"),
    token("cisco-secret", "encrypted password in a router configuration", &["secret 8 ", "secret 9 ", "secret 5 ", "password 7 "], r"(?:secret [589]|password 7) (\$\d\$[^\s]{20,}|[0-9A-F]{6,60})", "the device: set a new secret").severity(Severity::Medium),
    token("netrc-password", "password in a netrc file", &["machine "], r"machine\s+\S{3,120}\s+login\s+\S{1,120}\s+password\s+(\S{3,200})", "the service the entry names").sure(Confidence::Medium),
];
