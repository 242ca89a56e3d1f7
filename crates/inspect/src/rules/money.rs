//! Payments, commerce, logistics and chains.

use cordon_domain::{Confidence, Severity};

use crate::rule::{Spec, token};

#[rustfmt::skip]
pub(crate) const RULES: &[Spec] = &[
    token("stripe-live-key", "Stripe live key", &["sk_live_", "rk_live_"], r"[sr]k_live_[A-Za-z0-9]{16,250}", "dashboard.stripe.com/apikeys").critical(),
    token("stripe-test-key", "Stripe test key", &["sk_test_", "rk_test_"], r"[sr]k_test_[A-Za-z0-9]{16,250}", "dashboard.stripe.com/test/apikeys").severity(Severity::Low),
    token("stripe-webhook-secret", "Stripe or Svix webhook secret", &["whsec_"], r"whsec_[A-Za-z0-9+/]{24,80}={0,2}", "dashboard.stripe.com/webhooks"),
    token("braintree-token", "Braintree access token", &["access_token$production$", "access_token$sandbox$"], r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}", "braintreegateway.com").critical(),
    token("square-access-token", "Square access token", &["sq0atp-", "EAAA"], r"(?:sq0atp-[\w-]{22}|EAAA[\w-]{60})", "developer.squareup.com/apps").critical().random(),
    token("square-oauth-secret", "Square OAuth secret", &["sq0csp-"], r"sq0csp-[\w-]{43}", "developer.squareup.com/apps").critical(),
    token("adyen-api-key", "Adyen API key", &["AQE"], r"AQE[\w+/]{5}[A-Za-z0-9+/=]{30,120}-[A-Za-z0-9+/=]{20,60}-[A-Za-z0-9+/=<>!@#$%^&*(){}\[\];:,.?|~-]{10,30}", "ca-live.adyen.com").critical(),
    token("razorpay-key", "Razorpay key", &["rzp_live_", "rzp_test_"], r"rzp_(?:live|test)_[A-Za-z0-9]{14,24}", "dashboard.razorpay.com/app/keys"),
    token("plaid-access-token", "Plaid access token", &["access-production-", "access-development-", "access-sandbox-"], r"access-(?:production|development|sandbox)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "dashboard.plaid.com").critical(),
    token("flutterwave-secret", "Flutterwave secret key", &["FLWSECK"], r"FLWSECK(?:_TEST)?-[a-zA-Z0-9]{12,40}-X", "dashboard.flutterwave.com"),
    token("mollie-api-key", "Mollie or GoCardless live key", &["live_"], r"live_[\w=-]{30,44}", "the provider's dashboard, developers").random().sure(Confidence::Medium),
    token("mollie-test-key", "Mollie test key", &["test_"], r"test_[A-Za-z0-9]{30,40}", "my.mollie.com/dashboard").random().severity(Severity::Low).sure(Confidence::Low),
    token("paddle-api-key", "Paddle API key", &["pdl_live_", "pdl_sdbx_"], r"pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}", "vendors.paddle.com/authentication"),
    token("shopify-token", "Shopify access token", &["shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_"], r"shp(?:at|ca|pa|ss|tka|ua)_[a-fA-F0-9]{32}", "the shop, settings, apps").critical(),
    token("mercadopago-token", "Mercado Pago token", &["APP_USR-"], r"APP_USR-\d{10,20}-\d{6}-[a-f0-9]{32}-\d{6,12}", "mercadopago.com/developers"),
    token("xendit-key", "Xendit key", &["xnd_production_", "xnd_development_"], r"xnd_(?:production|development)_[A-Za-z0-9]{40,64}", "dashboard.xendit.co"),
    token("midtrans-server-key", "Midtrans server key", &["Mid-server-"], r"(?:SB-)?Mid-server-[\w-]{20,30}", "dashboard.midtrans.com").around(4, 60),
    token("chargebee-key", "Chargebee key", &["live_"], r"live_[A-Za-z0-9]{30,40}cu[A-Za-z0-9]{0,20}", "app.chargebee.com"),
    token("coinbase-cdp-key", "Coinbase developer key name", &["organizations/"], r"organizations/[0-9a-f-]{36}/apiKeys/[0-9a-f-]{36}", "portal.cdp.coinbase.com").severity(Severity::Medium),
    token("easypost-key", "EasyPost API key", &["EZAK", "EZTK"], r"EZ[AT]K[a-f0-9]{54}", "easypost.com/account/api-keys"),
    token("shippo-token", "Shippo token", &["shippo_live_", "shippo_test_"], r"shippo_(?:live|test)_[a-f0-9]{40}", "apps.goshippo.com/settings/api"),
    token("duffel-token", "Duffel token", &["duffel_live_", "duffel_test_"], r"duffel_(?:live|test)_[\w=-]{43}", "app.duffel.com"),
    token("flexport-token", "Flexport token", &["shltm_"], r"shltm_[\w-]{40,60}", "developers.flexport.com"),
    token("lob-key", "Lob key", &["live_"], r"live_(?:pub_)?[a-f0-9]{31,35}", "dashboard.lob.com").random(),
    token("wise-api-token", "Wise API token", &["wise_api", "wise_token", "transferwise"], r"(?i)(?:transferwise|wise_(?:api|token)).{0,20}?.{0,8}?[\x22'=: ]([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", "wise.com/settings/api-tokens"),
    token("paystack-key", "Paystack or PayMongo secret key", &["sk_live_", "sk_test_"], r"sk_(?:live|test)_[a-f0-9]{40}", "dashboard.paystack.com/#/settings/developers"),
    token("clerk-secret-key", "Clerk, PayMongo or similar secret key", &["sk_live_", "sk_test_"], r"sk_(?:live|test)_[A-Za-z0-9]{20,60}", "the provider's dashboard, API keys").random().sure(Confidence::Medium),
    token("alchemy-api-key", "Alchemy key in a URL", &[".alchemy.com/v2/", ".alchemyapi.io/v2/"], r"(?:\.alchemy\.com|\.alchemyapi\.io)/v2/([\w-]{32})", "dashboard.alchemy.com").severity(Severity::Medium),
    token("infura-api-key", "Infura key in a URL", &["infura.io/"], r"infura\.io/(?:ws/)?v3/([0-9a-f]{32})", "app.infura.io").severity(Severity::Medium),
    token("quicknode-endpoint", "QuickNode endpoint", &[".quiknode.pro/"], r"\.quiknode\.pro/([0-9a-f]{40})", "dashboard.quicknode.com").severity(Severity::Medium),
    token("ethereum-private-key", "Ethereum private key", &["private", "privkey", "deployer", "mnemonic", "wallet"], r"(?i)(?:private|priv|deployer|wallet).{0,16}key.{0,16}?[\x22'=: ](0x[a-f0-9]{64})\b", "move the funds to a new key").critical().random(),
    token("bitcoin-extended-key", "BIP 32 extended private key", &["xprv9", "xprvA", "yprvA", "zprvA"], r"(?:xprv9|[xyz]prvA)[1-9A-HJ-NP-Za-km-z]{106,107}", "move the funds to a new key").critical(),
    token("riot-api-key", "Riot Games key", &["RGAPI-"], r"RGAPI-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "developer.riotgames.com").severity(Severity::Medium),
    token("checkout-secret-key", "Checkout.com secret key", &["sk_sbox_", "sk_"], r"sk_(?:sbox_)?[a-z0-9]{26}[a-z2-7*#$=]", "dashboard.checkout.com").random().sure(Confidence::Low),
];
