// A plugin of clang-tidy (-load): its checks walk the declarations of this project alone. Without
// it they walk those of all headers included, which is most of the work, and report nothing there.
#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/Frontend/FrontendPluginRegistry.h>

namespace {

class OwnCode : public clang::ASTConsumer {
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* decl : group) {
      if (!decl->getASTContext().getSourceManager().isInSystemHeader(decl->getLocation()))
        own_.push_back(decl);
    }
    return true;
  }
  void HandleTranslationUnit(clang::ASTContext& context) override {
    context.setTraversalScope(own_);
  }
  std::vector<clang::Decl*> own_;
};

class Action : public clang::PluginASTAction {
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance&,
                                                        llvm::StringRef) override {
    return std::make_unique<OwnCode>();
  }
  bool ParseArgs(const clang::CompilerInstance&, const std::vector<std::string>&) override {
    return true;
  }
  ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<Action> added("own-code", "");

}  // namespace
