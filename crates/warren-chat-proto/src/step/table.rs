//! The table, as text: what [`super::step`] allows. `x0/x1` means that the queue decides.

/// One row per input; `N` stands for a chat that does not exist, `*` for every state in which the chat exists.
pub const TABLE: &str = "
Create                 N→R0
Send(Queue)            W→R0 E0→R0 E1→R1 R0→R1 R1→R1 I0→I1 I1→I1 A0→A1 A1→A1
Send(Interrupt)        W→R0 E0→R0 E1→R1 R0→I1 R1→I1 I0→I1 I1→I1 A0→R0 A1→R1
Edit                   W→R0 E0→R0 E1→R0 R0→R0 R1→R0 I0→R0 I1→R0 A0→R0 A1→R0
DeleteQueued           E1→E0/E1 R1→R0/R1 I1→I0/I1 A1→A0/A1
PromoteQueued          E1→R0/R1 A1→R0/R1 R1→I1 I1→I1
Interrupt              R0→I0 R1→I1 A0→R0 A1→R1
CompleteRequiresAction A0→R0 A1→R1
SetArchived(true)      W→XW E0→XE0 E1→XE1
SetArchived(false)     XW→W XE0→E0 XE1→E1
RecordAttempt          R0→R0 R1→R1
RecordRetry            R0→R0 R1→R1
CommitStep             R0→R0 R1→R1
EnterRequiresAction    R0→A0 R1→A1
FinishTurn             R0→W R1→R0/R1
FinishError            R0→E0 R1→E1
FinishInterruption     I0→W I1→R0/R1
CancelRequiresAction   A0→R0 A1→R1
Reconcile              Invalid→E0/E1
Acquire                *→*
Abandon                *→*
";
