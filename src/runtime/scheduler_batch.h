// What a Scheduler does in a step, on the thread that steps it.
#ifndef DCP_RUNTIME_SCHEDULER_BATCH_H_
#define DCP_RUNTIME_SCHEDULER_BATCH_H_

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dcp/scheduler.h"
#include "runtime/kv_budget.h"
#include "runtime/scheduled_job.h"
#include "runtime/shared_prompts.h"

namespace dcp {

// Jobs in the order of their rank: priority, then time of arrival. Those of higher rank are admitted first and set
// aside last, and nothing passes one that waits for memory: the highest always goes on, so none starves.
class SchedulerBatch {
 public:
  SchedulerBatch(JobContext& context, const SchedulerOptions& options);
  ~SchedulerBatch();

  // Takes all of them, or throws std::bad_alloc and takes none.
  void Add(std::vector<std::unique_ptr<ScheduledJob>>& jobs);
  void Cancel(RequestId id);
  void Step();
  // After Step or Cancel threw that: ends what was admitted, whatever state it is in.
  void FailAdmitted(std::exception_ptr why);

  bool idle() const { return waiting_.empty() && admitted_.empty(); }
  size_t waiting() const { return waiting_.size(); }
  // The lowest id that is left; `none` where there is none.
  RequestId FirstId(RequestId none) const;
  // What there is to say beside what arrives; costs a look at every layer of every sequence.
  SchedulerStats Stats() const;

 private:
  // What of a job goes through the next pass.
  struct Part {
    ScheduledJob* job = nullptr;
    size_t tokens = 0;   // of its prompt
    size_t first = 0;    // its first row of logits
    bool reads = false;  // that is among those that are read
    bool chosen = false;
  };

  double Priority(const ScheduledJob& job) const;
  bool Before(const ScheduledJob& a, const ScheduledJob& b) const;
  template <typename Jobs>
  static void EraseDone(Jobs& jobs);

  void EndOverdue();
  void Report(ScheduledJob& job);
  void Fail(ScheduledJob& job, const std::string& error);
  void Fail(ScheduledJob& job, std::exception_ptr why);
  void Deliver(ScheduledJob& job);

  // Admission, in scheduler_admission.cc.
  void Admit();
  ScheduledJob* NextToAdmit();
  ScheduledJob* LastActive();
  size_t ActiveCount() const;
  bool HasSeat(const ScheduledJob& job) const;
  bool HasRoom(const ScheduledJob& job);
  bool IsRoomExpected(const ScheduledJob& job) const;
  void AdmitOne(ScheduledJob& job);
  void SetAside(ScheduledJob& job);
  bool SpoolIsFor(const ScheduledJob& job) const;

  // A pass, in scheduler_pass.cc.
  void PlanPass();
  void MakePass();
  size_t MoreSequences() const;
  void RunPass();
  void Feed();
  void ChooseAll(const Logits& logits);
  void FinishChunk(Part& part, const Logits& logits);

  JobContext& context_;
  Session& session_;
  const SchedulerOptions options_;
  KvBudget budget_;
  SharedPrompts shared_;
  std::unique_ptr<SpoolFile> spool_;  // null: none; outlives the jobs
  std::vector<std::unique_ptr<ScheduledJob>> waiting_;
  std::vector<std::unique_ptr<ScheduledJob>> admitted_;
  SchedulerClock::time_point now_;  // of the step
  std::vector<Part> parts_;
  std::vector<FeedNeed> needs_;
  StepRows rows_;
  std::vector<FeedItem> items_;
  SchedulerStats stats_;
};

}  // namespace dcp

#endif  // DCP_RUNTIME_SCHEDULER_BATCH_H_
