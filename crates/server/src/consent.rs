//! What takes other people: it is asked of them first, and done when the same is asked for once more.

use cordon_domain::AskId;
use cordon_gate::Facts;

use crate::node::Node;
use crate::reply::Refused;

/// Puts the approval that was given of exactly this to it. Where nothing but approvals is missing, others are asked, once;
/// returns what they answer then.
pub(crate) async fn asked_of_others(node: &Node, facts: &mut Facts) -> Result<Option<AskId>, Refused> {
    facts.approval = node.identity.asked_for(facts)?;
    let lacks_only_approval = node.identity.snapshot()?.lacks_only_approval(facts);
    Ok(match (lacks_only_approval, facts.approval) {
        (false, _) => None,
        (true, Some(waits)) => Some(waits),
        (true, None) => Some(node.identity.ask(facts).await?),
    })
}
